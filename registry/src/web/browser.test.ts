import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { findProgram, needsTool } from '@img/sign/testing/needs';
import { encodeTrustDocument } from '@img/sign/trust-document';
import test, { type ExecutionContext } from 'ava';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { organisation } from '../accounts/testing/stage.ts';
import { aliceDocument, openLog, repository, startShopWindow } from './testing/shop-window.ts';

const looks = [
  ['light', { colorScheme: 'light', viewport: { width: 1200, height: 800 } }],
  ['dark', { colorScheme: 'dark', viewport: { width: 1200, height: 800 } }],
  ['phone', { colorScheme: 'light', viewport: { width: 360, height: 740 }, isMobile: true }],
  ['phone-dark', { colorScheme: 'dark', viewport: { width: 360, height: 740 }, isMobile: true }],
] as const satisfies readonly (readonly [name: string, options: BrowserContextOptions])[];

/** Where pictures of the pages are kept for people to look at; nowhere by default. */
const picturesFolder = process.env['IMG_SCREENSHOTS'];

for (const [name, options] of looks) {
  test(`Chromium without scripts logs in, looks at an image and makes it public: ${name}`, async (t) => {
    if (!needsTool(t, 'chromium')) return;
    const stage = await startShopWindow(t);
    const document = Buffer.from(encodeTrustDocument(aliceDocument)).toString();
    await stage.call('putOrganisationRule', { organisation }, { document });
    await openLog(stage, 3);
    const { digest } = stage.image.manifest.descriptor;
    await stage.call('putTag', { repository, tag: '1.0' }, { digest });
    const page = await openPage(t, { ...options, javaScriptEnabled: false, baseURL: stage.running.url });
    const complaints: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    await page.goto('/');
    await look(t, page, `${name}-1-strangers`);
    await page.getByRole('link', { name: 'Log in', exact: true }).first().click();
    await page.getByLabel('User name').fill('owner');
    await page.getByLabel('Password').fill('long enough');
    await look(t, page, `${name}-2-login`);
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('searchbox').fill('app');
    await page.getByRole('button', { name: 'Search' }).click();
    await look(t, page, `${name}-3-repositories`);
    await page.getByRole('link', { name: repository }).click();
    await look(t, page, `${name}-4-repository`);
    await page.getByRole('button', { name: 'Make public' }).click();
    await page
      .locator('main .mark')
      .first()
      .filter({ hasText: /^public$/ })
      .waitFor();
    await page.getByRole('link', { name: '1.0', exact: true }).click();
    await page.getByText('Alice Example').waitFor();
    await page.getByText('1 of alice for com.example.*, admitted').waitFor();
    await look(t, page, `${name}-5-image`);
    await page.getByRole('link', { name: repository, exact: true }).click();
    await page.getByRole('link', { name: 'log of com.example' }).click();
    await look(t, page, `${name}-7-log`);
    await page.getByRole('link', { name: '2', exact: true }).click();
    await look(t, page, `${name}-8-entry`);
    await page.getByRole('link', { name: 'Activity' }).click();
    await look(t, page, `${name}-6-activity`);
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByRole('link', { name: 'Log in', exact: true }).first().waitFor();
    t.deepEqual(complaints, [], 'nothing that the policy of the pages blocks');
  });
}

let browser: Promise<Browser> | undefined;
test.after.always('Chromium ends', async () => (await browser)?.close());

/** A page of a browser that all tests share, with nothing of what the others did; it waits for as long as it takes. */
async function openPage(t: ExecutionContext, options: BrowserContextOptions): Promise<Page> {
  browser ??= chromium.launch({
    executablePath: findProgram('chromium') as string,
    // As root, where its sandbox does not work.
    chromiumSandbox: process.geteuid?.() !== 0,
    timeout: 0,
  });
  const context = await (await browser).newContext(options);
  t.teardown(() => context.close());
  context.setDefaultTimeout(0);
  return await context.newPage();
}

/** A page has a style, and nothing sticks out of it on the right. */
async function look(t: ExecutionContext, page: Page, name: string): Promise<void> {
  // What a click leads to may have come in part only.
  await page.waitForLoadState();
  const width = page.viewportSize()?.width ?? 0;
  const boxes = await page.locator('main, header, table, dl, form, h1').all();
  for (const box of boxes) {
    const { x = 0, width: boxWidth = 0 } = (await box.boundingBox()) ?? {};
    t.true(x + boxWidth <= width + 1, `${name}: something is ${boxWidth} wide`);
  }
  if (picturesFolder === undefined) return;
  await mkdir(picturesFolder, { recursive: true });
  await page.screenshot({ path: join(picturesFolder, `${name}.png`), fullPage: true });
}
