import { cycloneDxDocument, spdxDocument } from '@img/builder/inventory/bill-of-materials';
import { type Command, Option } from 'commander';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { imageInventory } from '../host/image-inventory.ts';
import { openHost } from '../host/open-host.ts';
import { version } from '../version.ts';

type SbomOptions = { readonly format: 'spdx' | 'cyclonedx'; readonly platform?: string };

export function configure(command: Command, context: CommandContext): void {
  command
    .argument('<image>', 'an image of this host, or of its registry if this host has none')
    .addOption(
      new Option('--format <format>', 'SPDX 2.3 or CycloneDX 1.6')
        .choices(['spdx', 'cyclonedx'])
        .default('spdx'),
    )
    .option('--platform <platform>', 'which image of an index; by default that for this host');
  addExamples(command, 'img sbom com.example.app', 'img sbom --format cyclonedx com.example.app > bom.json');
  onRun(command, context, sbom);
}

async function sbom(session: Session, options: SbomOptions, text: string): Promise<void> {
  await using host = await openHost(session);
  const image = await imageInventory(session, host, text, { platform: options.platform });
  const { name, digest, config, inventory } = image;
  const billed = { name, digest, created: config.created, inventory, tool: { name: 'img', version } };
  const document = options.format === 'spdx' ? spdxDocument(billed) : cycloneDxDocument(billed);
  session.output.raw(`${JSON.stringify(document, null, 2)}\n`);
}
