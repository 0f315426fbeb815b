import { join } from 'node:path';
import { findProgram } from '@img/sign/testing/needs';
import type { Digest } from '@img/spec/digest';
import { type Command, runCommand } from './command.ts';
import type { Figure } from './figure.ts';
import type { Workshop } from './workshop.ts';

const several = 8;

/**
 * Signs and verifies images of the registry by their digests, one and several with one command, with both tools. Each
 * signs with a key file of its own that is encrypted in the same way; both verify what img has signed.
 */
export async function signingFigures(workshop: Workshop, digest: Digest): Promise<readonly Figure[]> {
  const image = `${workshop.repository}@${digest}`;
  const alice = workshop.path('publisher/config/keys/alice.pub');
  const images = await copies(workshop, digest);
  const signAsAlice = ['sign', '--key', 'alice', '--remote', '--digest'];
  await runCommand(workshop.img('publisher', 'key', 'new', 'alice'));
  await runCommand(workshop.img('publisher', ...signAsAlice, image, ...images));
  await runCommand(workshop.img('host', 'trust', 'add', alice, '--prefix', 'com.example.'));
  await runCommand(cosign(workshop, 'generate-key-pair', '--output-key-prefix', workshop.path('cosign')));
  const offline = ['--tlog-upload=false', '--use-signing-config=false'];
  const sign = ['sign', '--yes', '--key', workshop.path('cosign.key'), ...offline];
  const verify = ['verify', '--key', alice, '--insecure-ignore-tlog=true'];
  return [
    // First, as long as the image has the one signature that everybody finds.
    {
      title: 'verify an image of the registry by its digest',
      note: 'the same signature; img finds the rule for the name, cosign is told the key',
      contestants: [
        { tool: 'img', command: workshop.img('host', 'verify', '--remote', image) },
        { tool: 'cosign', command: cosign(workshop, ...verify, image) },
      ],
    },
    {
      title: `verify ${several} images with one command`,
      note: 'the same image in as many repositories; divide by that for each',
      contestants: [
        { tool: 'img', command: workshop.img('host', 'verify', '--remote', ...images) },
        { tool: 'cosign', command: cosign(workshop, ...verify, ...images) },
      ],
    },
    {
      title: 'sign an image of the registry by its digest',
      note: 'without a log; both derive the key of the key file with scrypt, N = 65,536',
      contestants: [
        { tool: 'img', command: workshop.img('publisher', ...signAsAlice, image) },
        { tool: 'cosign', command: cosign(workshop, ...sign, image) },
      ],
    },
    {
      title: `sign ${several} images with one command`,
      note: 'img derives the key once',
      contestants: [
        { tool: 'img', command: workshop.img('publisher', ...signAsAlice, ...images) },
        { tool: 'cosign', command: cosign(workshop, ...sign, ...images) },
      ],
    },
  ];
}

/** The image in other repositories of the registry. */
async function copies(workshop: Workshop, digest: Digest): Promise<readonly string[]> {
  const images: string[] = [];
  for (let n = 1; n <= several; n += 1) {
    const repository = `${workshop.repository}-${n}`;
    await runCommand(
      workshop.img('publisher', 'copy', `${workshop.repository}@${digest}`, `${repository}:latest`),
    );
    images.push(`${repository}@${digest}`);
  }
  return images;
}

function cosign(workshop: Workshop, ...words: readonly string[]): Command {
  return {
    line: [findProgram('cosign') ?? 'cosign', ...words],
    variables: {
      COSIGN_PASSWORD: 'only for the benchmark',
      DOCKER_CONFIG: join(workshop.authFile, '..'),
      HOME: workshop.folder,
    },
  };
}
