import test from 'ava';
import { encodeCheckedJson, parseCheckedJson } from './checked-json.ts';

const content = { name: 'web', count: 10, list: ['a'], verdicts: { 2: 'good', 10: 'bad' } };
const written = Buffer.from(encodeCheckedJson(content));
const read = (bytes: Uint8Array) => parseCheckedJson(bytes, 'thing', 10_000);

test('parseCheckedJson() reads what was written, in any spelling of it', (t) => {
  const again = Buffer.from(JSON.stringify(JSON.parse(written.toString())));
  for (const bytes of [written, again]) {
    t.is(read(bytes).string('name'), 'web');
    t.is(read(bytes).integer('count', 1), 10);
  }
});

test('parseCheckedJson() refuses any changed byte of what is meant', (t) => {
  const end = written.indexOf('"check"');
  for (let at = 0; at < written.length; at += 1) {
    const changed = written.with(at, (written[at] ?? 0) ^ 1);
    // The name of the digest itself: without it, the content is still what it was.
    if (at > end && at < end + '"check'.length) t.is(read(changed).string('name'), 'web');
    else t.throws(() => read(changed), undefined, String(at));
  }
});

test('parseCheckedJson() reads what has no digest, as earlier versions wrote it', (t) => {
  t.is(read(Buffer.from('{"name":"web"}')).string('name'), 'web');
});

test('parseCheckedJson() refuses a digest of something else, and one that is none', (t) => {
  for (const check of ['""', '7', 'null', `"${'0'.repeat(64)}"`])
    t.throws(() => read(Buffer.from(`{"name":"web","check":${check}}`)), { message: 'it was changed' });
});
