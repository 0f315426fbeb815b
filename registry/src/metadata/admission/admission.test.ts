import { digestOf } from '@img/spec/digest';
import { parseRepositoryName } from '@img/spec/repository-name';
import { parseTag } from '@img/spec/tag';
import test from 'ava';
import { possibleOwners } from '../../accounts/account-names.ts';
import { ensureRepository } from '../repositories.ts';
import { databases, openMigrated } from '../testing/databases.ts';
import { type Admission, findAdmission, putAdmission } from './admissions.ts';
import { deleteRule, findLongestRule, findLongestRuleDigest, findRuleAt, putRule } from './rules.ts';

const digest = (text: string) => digestOf(Buffer.from(text));
const name = parseRepositoryName;

function rule(at: string, text: string) {
  return { name: name(at), document: Buffer.from(text), digest: digest(text), set_by: 'owner', set_at: 5 };
}

function admission(text: string, sequence: number | null): Admission {
  return {
    tag: parseTag('1.0'),
    digest: digest(text),
    sequence,
    rule: digest('rule'),
    summary: digest('summary'),
    admitted_at: 7,
  };
}

for (const [database, open] of databases) {
  test(`${database}: the rule with the longest name decides, on label boundaries`, async (t) => {
    const metadata = await openMigrated(t, open);
    await metadata.transaction(async (writer) => {
      await putRule(writer, rule('com.example', 'outer'));
      await putRule(writer, rule('com.example.app', 'first'));
      await putRule(writer, rule('com.example.app', 'inner'));
    });
    const found = async (repository: string) => {
      const owners = possibleOwners(name(repository));
      const stored = await findLongestRule(metadata, owners);
      t.is(await findLongestRuleDigest(metadata, owners), stored?.digest);
      return stored && Buffer.from(stored.document).toString();
    };
    t.is(await found('com.example.app'), 'inner');
    t.is(await found('com.example.app/worker'), 'inner');
    t.is(await found('com.example.apps'), 'outer');
    t.is(await found('com.examples'), undefined);
    t.like(await findRuleAt(metadata, name('com.example')), { digest: digest('outer'), set_by: 'owner' });
    t.is(await findRuleAt(metadata, name('com')), undefined);
  });

  test(`${database}: what was admitted is forgotten with its rule, and nothing else is`, async (t) => {
    const metadata = await openMigrated(t, open);
    const names = [
      'com.example',
      'com.example.app',
      'com.example/app',
      'com.examples',
      'com',
      'com.example.own',
    ].map(name);
    await metadata.transaction(async (writer) => {
      await putRule(writer, rule('com.example', 'outer'));
      await putRule(writer, rule('com.example.own', 'closer'));
      for (const each of names) {
        await ensureRepository(writer, each, 1);
        await putAdmission(writer, each, admission('old', 1));
        await putAdmission(writer, each, admission('new', null));
      }
    });
    const [first = name('com.example')] = names;
    t.deepEqual({ ...(await findAdmission(metadata, first, parseTag('1.0'))) }, admission('new', null));
    t.is(await findAdmission(metadata, first, parseTag('2.0')), undefined);
    t.true(await metadata.transaction((writer) => deleteRule(writer, name('com.example'))));
    t.false(await metadata.transaction((writer) => deleteRule(writer, name('com.example'))));
    const left = names.map((each) => findAdmission(metadata, each, parseTag('1.0')));
    t.deepEqual(
      (await Promise.all(left)).map((found) => found !== undefined),
      [false, false, false, true, true, true],
    );
  });
}
