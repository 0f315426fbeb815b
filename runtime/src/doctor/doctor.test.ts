import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test from 'ava';
import { parseContainerName } from '../state/container-name.ts';
import { containersFinding } from './examine-containers.ts';
import { controlGroupFinding, examineHost, kernelFindings } from './examine-host.ts';
import { networkFinding } from './examine-networks.ts';
import { examinePrograms } from './examine-programs.ts';
import { knownEscapes } from './known-escapes.ts';

for (const [version, ids, reason] of [
  ['1.0.0-rc10', ['21626', '31133', '52565', '52881'], 'before all but the first'],
  ['1.1.5+ds1', ['21626', '31133', '52565', '52881'], 'what Debian adds to it does not count'],
  ['1.1.12', ['31133', '52565', '52881'], 'the first with a fix'],
  ['1.2.7', ['31133', '52565', '52881'], 'the last without'],
  ['1.2.8', [], 'fixed in its series'],
  ['1.3.2', ['31133', '52565', '52881'], 'a later series whose fix came later'],
  ['1.3.3', [], 'fixed there, too'],
  ['1.4.0', [], 'the first of a series'],
  ['1.5.1', [], 'after all of them'],
  ['2.0.0', [], 'long after'],
  ['unknown', ['5736', '21626', '31133', '52565', '52881'], 'who knows'],
] as const) {
  test(`knownEscapes() of runc ${version}: ${reason}`, (t) => {
    t.deepEqual(
      knownEscapes('runc', version).map(({ id }) => id.replace(/^CVE-\d+-/, '')),
      [...ids],
    );
    t.deepEqual(knownEscapes('crun', version), []);
  });
}

const kernel = {
  release: '6.12.1-amd64',
  treeMethod: 'erofs',
  fileSystems: 'nodev\toverlay\n\terofs\n',
  seccompActions: 'errno',
} as const;

for (const [changes, verdicts, reason] of [
  [{}, ['good', 'good', 'good'], 'all there'],
  [{ treeMethod: 'loop' }, ['limited', 'good', 'good'], 'too old to mount files'],
  [{ treeMethod: undefined }, ['limited', 'good', 'good'], 'too old to mount loop devices, too'],
  [{ treeMethod: undefined, fileSystems: 'nodev\toverlay\n' }, ['limited', 'good', 'good'], 'no erofs'],
  [{ fileSystems: '\terofs\n' }, ['good', 'missing', 'good'], 'no overlay'],
  [{ fileSystems: '\terofs\nnodev\toverlayish\n' }, ['good', 'missing', 'good'], 'another name'],
  [{ seccompActions: '' }, ['good', 'good', 'missing'], 'no filters'],
] as const) {
  test(`kernelFindings(): ${reason}`, (t) => {
    const findings = kernelFindings({ ...kernel, ...changes });
    t.deepEqual(
      findings.map(({ verdict }) => verdict),
      [...verdicts],
    );
    for (const { verdict, hint } of findings) t.is(hint === undefined, verdict === 'good');
  });
}

test('controlGroupFinding() names the controllers that are not there', (t) => {
  const all = new Set(['cpu', 'memory', 'pids'] as const);
  t.is(controlGroupFinding({ mode: 'v2', controllers: all }).verdict, 'good');
  t.like(controlGroupFinding({ mode: 'v2', controllers: new Set(['cpu'] as const) }), {
    verdict: 'limited',
    text: 'v2, without memory and pids, so no limit on that can be set',
  });
  t.is(controlGroupFinding({ mode: 'none', controllers: new Set() }).verdict, 'missing');
});

test('examinePrograms() asks the programs for their versions', async (t) => {
  const folder = temporaryFolder(t);
  const write = (name: string, script: string) => {
    writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(folder, name), 0o755);
  };
  write('runc', 'echo runc version 1.1.5+ds1; echo commit: x');
  write('crun', 'printf "crun version \\033[31m9.9"');
  write('systemd-nspawn', 'echo "systemd 252 (252.39-1)"; echo +PAM');
  write('conmon', 'exit 1');
  const [crun, runc, nspawn, conmon] = await examinePrograms(folder);
  t.like(crun, { subject: 'crun', verdict: 'good' });
  t.false(crun?.text.includes('\x1b'));
  t.regex(runc?.text ?? '', /^1\.1\.5\+ds1 has known ways out of a container: CVE-2024-21626, /);
  t.like(nspawn, { subject: 'nspawn', verdict: 'good' });
  t.regex(nspawn?.text ?? '', /^252, for img run --runtime nspawn, /);
  t.true(nspawn?.details?.some((line) => line.startsWith('refused    --detach: ')));
  t.true(nspawn?.details?.some((line) => line.startsWith('otherwise  limits: ')));
  t.like(conmon, { verdict: 'limited' });
});

test('containersFinding() names the containers of which something was given up', (t) => {
  const container = { id: '0123456789abcdef', profile: 'app', insecure: [] } as const;
  t.like(containersFinding([]), { verdict: 'good', text: 'none run' });
  t.like(containersFinding([container]), {
    verdict: 'good',
    text: '1 run, each with all that its profile gives',
  });
  t.like(
    containersFinding([
      container,
      { ...container, profile: 'compat', insecure: ['seccomp'] },
      { ...container, name: parseContainerName('web'), insecure: ['signature'] },
    ]),
    {
      verdict: 'limited',
      text: '2 of 3 run with protections given up: 0123456789abcdef (compat, insecure: seccomp); web (app, not verified)',
    },
  );
});

test('networkFinding() says which plugins there are, or are missing', (t) => {
  const folder = temporaryFolder(t);
  const folders = { networkFolder: folder, runFolder: '/run/img' };
  t.like(networkFinding(folders, [folder]), {
    verdict: 'limited',
    text: "can't be made: the network needs CNI plugins that this host does not have: bridge, portmap, firewall, host-local",
    hint: 'put them into /opt/cni/bin; those of CNI itself are on Debian: apt-get install containernetworking-plugins iptables',
  });
  writeFileSync(
    join(folder, 'bridge.conflist'),
    '{"cniVersion":"1.0.0","name":"lan","plugins":[{"type":"x"}]}',
  );
  writeFileSync(join(folder, 'x'), '', { mode: 0o755 });
  t.like(networkFinding(folders, [folder]), { verdict: 'good', text: `lan, made by x of ${folder}` });
  writeFileSync(join(folder, 'bridge.conflist'), '');
  t.like(networkFinding(folders, [folder]), { verdict: 'limited' });
});

test('examineHost() says something of everything on this machine', async (t) => {
  const findings = await examineHost(process.env['PATH']);
  t.deepEqual(
    findings.map(({ subject }) => subject),
    [
      'user',
      'image trees',
      'overlay',
      'seccomp',
      'control groups',
      'limits',
      'crun',
      'runc',
      'nspawn',
      'conmon',
    ],
  );
  for (const { verdict, hint, subject } of findings) t.is(hint === undefined, verdict === 'good', subject);
});
