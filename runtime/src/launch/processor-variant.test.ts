import test from 'ava';
import { detailedHostPlatform, hostPlatform } from './host-platform.ts';
import { processorVariant } from './processor-variant.ts';

const v2 = 'fpu sse2 cx16 lahf_lm pni popcnt sse4_1 sse4_2 ssse3';
const v3 = `${v2} abm avx avx2 bmi1 bmi2 f16c fma movbe xsave`;
const v4 = `${v3} avx512bw avx512cd avx512dq avx512f avx512vl`;
const intel = (flags: string) => `processor\t: 0\nmodel name\t: Xeon\nflags\t\t: ${flags}\nbugs\t\t: none\n`;

const table: readonly [architecture: string, cpuInfo: string, variant: string | undefined, reason: string][] =
  [
    ['amd64', intel('fpu sse2'), undefined, 'what every processor has'],
    ['amd64', intel(v2), 'v2', 'the second level'],
    ['amd64', intel(v3), 'v3', 'the third level'],
    ['amd64', intel(v4), 'v4', 'the fourth level'],
    ['amd64', intel(v4.replace(' movbe', '')), 'v2', 'a level needs those below it'],
    ['amd64', intel(v2.replace('ssse3', 'xssse3')), undefined, 'whole words count'],
    ['amd64', '', undefined, 'no information'],
    ['arm', 'processor\t: 0\nCPU architecture: 7\n', 'v7', 'a number'],
    ['arm', 'CPU architecture: 5TEJ\n', 'v5', 'with extensions'],
    ['arm', 'CPU architecture: AArch64\n', undefined, 'another form'],
    ['arm64', 'CPU architecture: 8\n', undefined, 'one for all'],
    ['s390x', intel(v4), undefined, 'no variants'],
  ];

for (const [architecture, cpuInfo, variant, reason] of table) {
  test(`processorVariant() of ${architecture} is ${variant}: ${reason}`, (t) => {
    t.is(processorVariant(architecture, cpuInfo), variant);
  });
}

test('detailedHostPlatform() is hostPlatform() with the variant of the processor', (t) => {
  const { variant, ...platform } = detailedHostPlatform();
  t.deepEqual(platform, hostPlatform());
  t.regex(variant ?? 'v1', /^v\d$/);
});
