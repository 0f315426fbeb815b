import test from 'ava';
import { testKey } from '../testing/test-keys.ts';
import { TestLog, testWitness } from '../testing/test-log.ts';
import { unixTime } from '../unix-time.ts';
import { encodeCheckpoint, parseCheckpoint, verifyCheckpoint } from './checkpoint.ts';
import { formatNoteKey, noteKey, parseNoteKey } from './note-key.ts';
import { describeCosignatures, encodeNote, parseNote, verifyNote } from './signed-note.ts';
import { emptyRoot } from './tree-hash.ts';

// From the documentation of Go's package golang.org/x/mod/sumdb/note.
const goKey = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
const goNote = `If you think cryptography is the answer to your problem,
then you don't know what your problem is.

— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=
`;
// From https://c2sp.org/signed-note.
const c2spKey = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k';

test('parseNoteKey() reads keys of other implementations', (t) => {
  for (const text of [goKey, c2spKey]) t.is(formatNoteKey(parseNoteKey(text)), text);
  t.like(parseNoteKey(c2spKey), { kind: 'log', name: 'example.com/foo', id: '530d903a' });
});

test('formatNoteKey() names keys of logs and witnesses differently', (t) => {
  const { publicKey } = testKey(1);
  const log = noteKey('log', 'example.com/log', publicKey);
  const witness = noteKey('witness', 'example.com/log', publicKey);
  t.not(log.id, witness.id);
  t.is(parseNoteKey(formatNoteKey(witness)).kind, 'witness');
});

const badKeys: readonly (readonly [text: string, code: string, reason: string])[] = [
  ['', 'NOTE_INVALID', 'nothing'],
  ['name+530d903a', 'NOTE_INVALID', 'no key'],
  [`na me${c2spKey.slice(15)}`, 'NOTE_INVALID', 'a space in the name'],
  [c2spKey.replace('530d903a', '530d903b'), 'NOTE_INVALID', 'the id of another key'],
  [c2spKey.replace('foo', 'bar'), 'NOTE_INVALID', 'the id of another name'],
  [`${c2spKey}!`, 'NOTE_INVALID', 'no base64'],
  ['a+00000000+Ag==', 'NOTE_INVALID', 'a type and no key'],
  ['a+00000000+AgECAw==', 'KEY_UNSUPPORTED', 'a type that nobody knows'],
  [`a+00000000+AQ${'A'.repeat(42)}`, 'KEY_WEAK', 'a point of small order'],
];
test('parseNoteKey() refuses what is no key', (t) => {
  for (const [text, code, reason] of badKeys) t.throws(() => parseNoteKey(text), { code }, reason);
});

test('verifyNote() believes a note that Go signed, and none that was changed', (t) => {
  const key = parseNoteKey(goKey);
  t.is(verifyNote(parseNote(goNote), [key]).length, 1);
  t.is(encodeNote(parseNote(goNote)), goNote);
  t.throws(() => verifyNote(parseNote(goNote.replace('answer', 'Answer')), [key]), { code: 'NOTE_INVALID' });
  t.deepEqual(verifyNote(parseNote(goNote), [parseNoteKey(c2spKey)]), [], 'by nobody who is known');
});

const badNotes: readonly (readonly [note: string, reason: string])[] = [
  ['', 'nothing'],
  ['text\n', 'no signatures'],
  ['text\n\n', 'an empty list of signatures'],
  [goNote.slice(0, -1), 'no newline at the end'],
  [goNote.replace('—', '-'), 'a dash of another kind'],
  [goNote.replace('— PeterNeumann', '— Peter Neumann'), 'a name with a space'],
  [goNote.replace('If', 'I\tf'), 'a control character'],
  [goNote.replace('If', 'I\r\nf'), 'lines that end in two characters'],
  [goNote.replace(' x08g', ' !08g'), 'no base64'],
  ['text\n\n— name AAAA\n', 'a signature too short for the id of a key'],
  [`text\n\n${'— name AAAAAAA=\n'.repeat(65)}`, 'too many signatures'],
  [`${'x'.repeat(70_000)}\n\n— name AAAAAAA=\n`, 'more than a note may have'],
];
test('parseNote() refuses what is no note', (t) => {
  for (const [note, reason] of badNotes) t.throws(() => parseNote(note), { code: 'NOTE_INVALID' }, reason);
});

test('verifyCheckpoint() reads what a log signed and witnesses have seen', async (t) => {
  const log = new TestLog();
  log.append(Buffer.from('one'));
  const [first, second] = [testWitness('w1.example', 91), testWitness('w2.example', 92)];
  const note = encodeNote(await log.note([first, second]));
  const found = verifyCheckpoint(note, log.key, [second.key, testWitness('w3.example', 93).key]);
  t.like(found, { origin: log.key.name, size: 1 });
  t.is(found.note.signatures.length, 3);
  t.is(describeCosignatures(found.witnesses), '1 witness, last at 2026-11-22T12:00:00Z');
  t.is(found.witnesses[0]?.time, unixTime(1_795_348_800));
  t.is(describeCosignatures(verifyCheckpoint(note, log.key).witnesses), undefined);
});

test('verifyCheckpoint() refuses what the log has not signed', async (t) => {
  const log = new TestLog();
  const witness = testWitness('w1.example', 91);
  const note = await log.note([witness]);
  const refused = (text: string, message: RegExp, reason: string) =>
    t.throws(() => verifyCheckpoint(text, log.key, [witness.key]), { code: 'NOTE_INVALID', message }, reason);
  const other = new TestLog('log.example/org.example');
  refused(encodeNote(await other.note()), /is of the log "log.example\/org.example"/, 'another log');
  const [own, seen] = note.signatures;
  refused(encodeNote({ ...note, signatures: [seen as never] }), /is not signed by its key/, 'only a witness');
  const broken = { ...(seen as NonNullable<typeof seen>), signature: new Uint8Array(72) };
  refused(encodeNote({ ...note, signatures: [own as never, broken] }), /not by its key/, 'a changed witness');
  const short = { ...broken, signature: new Uint8Array(8) };
  refused(encodeNote({ ...note, signatures: [own as never, short] }), /not by its key/, 'a time and nothing');
  refused(
    encodeNote({ ...note, text: note.text.replace('\n0\n', '\n1\n') }),
    /not by its key/,
    'another size',
  );
  const resigned = new TestLog(log.key.name, 99);
  refused(encodeNote(await resigned.note()), /is not signed by its key/, 'another key of the same name');
});

const root = encodeCheckpoint({ origin: 'a', size: 0, root: emptyRoot }).split('\n')[2];
const badCheckpoints: readonly (readonly [text: string, reason: string])[] = [
  [`a\n1`, 'cut off'],
  [`\n1\n${root}\n`, 'no name'],
  [`a\n01\n${root}\n`, 'a size with a zero in front'],
  [`a\n-1\n${root}\n`, 'a size below zero'],
  [`a\n9999999999999999\n${root}\n`, 'a size that is no exact number'],
  [`a\n1\nAAAA\n`, 'a short hash'],
  [`a\n0\n${Buffer.alloc(32).toString('base64')}\n`, 'entries in an empty log'],
  [`a\n1\n${root}\n\nmore\n`, 'an empty line'],
];
test('parseCheckpoint() refuses what is no checkpoint', (t) => {
  for (const [text, reason] of badCheckpoints) {
    t.throws(() => parseCheckpoint(text), { code: 'NOTE_INVALID' }, reason);
  }
  t.is(parseCheckpoint(`a\n7\n${root}\nsomething else\n`).size, 7, 'lines for others are left aside');
});
