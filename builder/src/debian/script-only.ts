import type { Candidate } from './candidate.ts';

/** A package that others depend on only for their maintainer scripts or for an init system. */
type ScriptOnly = {
  readonly name: string;
  readonly why: string;
  /** Where it is so for some packages only, these. */
  readonly of?: readonly string[];
};

/**
 * An image runs no maintainer script and has no init system, so these are left out although packages depend on
 * them, and with them whatever only they need. They are half of a typical daemon's dependencies.
 *
 * A package stays if the img.yaml names it, or if a package that is built from the same source needs it: dpkg-dev
 * does need dpkg. `keepScriptOnly` turns the rule off.
 */
export const scriptOnlyPackages: readonly ScriptOnly[] = [
  { name: 'adduser', why: 'makes users in maintainer scripts' },
  { name: 'anacron', why: 'is started by an init system' },
  { name: 'cron', why: 'is started by an init system' },
  { name: 'debconf', why: 'asks questions in maintainer scripts' },
  { name: 'dpkg', why: 'is called by maintainer scripts' },
  { name: 'emacsen-common', why: 'is called by maintainer scripts' },
  { name: 'init-system-helpers', why: 'enables services in maintainer scripts' },
  { name: 'install-info', why: 'is called by maintainer scripts' },
  {
    name: 'iproute2',
    why: 'is called by maintainer and init scripts',
    of: ['bind9', 'nginx', 'nginx-common'],
  },
  {
    name: 'libc6',
    why: 'is needed by update-passwd, which only the maintainer script calls and the layer leaves out',
    of: ['base-passwd'],
  },
  { name: 'libdebconfclient0', why: 'is needed by update-passwd as well', of: ['base-passwd'] },
  { name: 'libselinux1', why: 'is needed by update-passwd as well', of: ['base-passwd'] },
  { name: 'logrotate', why: 'is started by cron or an init system' },
  { name: 'lsb-base', why: 'is read by init scripts' },
  { name: 'mawk', why: 'is called by maintainer scripts', of: ['base-files'] },
  { name: 'openssl', why: 'is called by update-ca-certificates', of: ['ca-certificates'] },
  { name: 'passwd', why: 'makes users in maintainer scripts' },
  { name: 'runit-helper', why: 'is called by maintainer scripts' },
  { name: 'ssl-cert', why: 'makes a certificate in its maintainer script' },
  { name: 'systemd', why: 'is an init system' },
  { name: 'systemd-standalone-sysusers', why: 'makes users in maintainer scripts' },
  { name: 'systemd-standalone-tmpfiles', why: 'makes folders in maintainer scripts' },
  { name: 'systemd-sysv', why: 'is an init system' },
  { name: 'sysvinit-utils', why: 'is read by init scripts' },
  { name: 'ucf', why: 'keeps configuration files in maintainer scripts' },
  { name: 'update-inetd', why: 'is called by maintainer scripts' },
  { name: 'usr-is-merged', why: 'checks the layout of folders in its maintainer script' },
  { name: 'usrmerge', why: 'changes the layout of folders in its maintainer script' },
];

const byName: ReadonlyMap<string, ScriptOnly> = new Map(scriptOnlyPackages.map((rule) => [rule.name, rule]));

/** Whether a package needs another one only for its maintainer scripts or an init system. */
export function isScriptOnly(owner: Candidate, needed: Candidate): boolean {
  const rule = byName.get(needed.package.name);
  if (rule === undefined || owner.package.source.name === needed.package.source.name) return false;
  return rule.of === undefined || rule.of.includes(owner.package.name);
}
