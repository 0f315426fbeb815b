#!/usr/bin/env node
// Installs the outside tools that the tests compare img with: `npm run tools`. What is there stays.
// Programs go to IMG_TOOLS_DIR, by default .tools/bin in the repository; only Debian packages go to the system.
// IMG_TOOLS_MINUTES is how long further programs may be begun to be compiled.
// `npm test` passes --without-go, because compiling those programs takes longer than all tests together.

import { mkdir } from 'node:fs/promises';
import { toolsFolder } from '@img/sign/testing/needs';
import { installDebian13Programs } from './debian-13.ts';
import { installDebianPackages } from './debian-packages.ts';
import { installGoPrograms } from './go-programs.ts';
import type { Missing } from './missing.ts';
import { installPythonPrograms } from './python-programs.ts';
import { say } from './say.ts';

const minutes = Number(process.env['IMG_TOOLS_MINUTES'] ?? Number.POSITIVE_INFINITY);
await mkdir(toolsFolder, { recursive: true });
const missing: readonly Missing[] = [
  ...(await installDebianPackages()),
  ...(await installDebian13Programs(toolsFolder)),
  ...(await installPythonPrograms(toolsFolder)),
  ...(process.argv.includes('--without-go') ? [] : await installGoPrograms(toolsFolder, minutes)),
];
for (const { name, reason } of missing) say(`NOT INSTALLED: ${name}: ${reason}`);
if (missing.length > 0) {
  say('Tests that need these are left out, and say so.');
  if (process.env['IMG_REQUIRE_TOOLS'] === '1' && missing.some(({ isRequired }) => isRequired)) {
    say('IMG_REQUIRE_TOOLS=1 demands them.');
    process.exitCode = 1;
  }
}
