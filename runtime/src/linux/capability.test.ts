import test from 'ava';
import { capabilitiesOf } from '../config/confinement.ts';
import { capabilityMask } from './capability.ts';

test('capabilityMask() is the set as the kernel shows it', (t) => {
  t.is(capabilityMask([]), 0n);
  t.is(capabilityMask(['CAP_CHOWN', 'CAP_NO_SUCH']), 1n);
  t.is(capabilityMask(capabilitiesOf(0, {}).bounding), 0x800405fbn);
});

/** As in include/uapi/linux/capability.h; a name that is missing in between would move those behind it. */
const numbers: readonly (readonly [name: string, number: bigint])[] = [
  ['CAP_SETPCAP', 8n],
  ['CAP_SYS_MODULE', 16n],
  ['CAP_SYS_ADMIN', 21n],
  ['CAP_SYS_RESOURCE', 24n],
  ['CAP_SETFCAP', 31n],
  ['CAP_AUDIT_READ', 37n],
  ['CAP_CHECKPOINT_RESTORE', 40n],
];

for (const [name, number] of numbers) {
  test(`capabilityMask() has ${name} in bit ${number}`, (t) => {
    t.is(capabilityMask([name]), 1n << number);
  });
}
