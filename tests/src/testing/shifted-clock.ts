// Loaded into a command before all else (node --import): its clock is wrong by IMG_TEST_CLOCK_SECONDS.

const shift = Number(process.env['IMG_TEST_CLOCK_SECONDS'] ?? 0) * 1000;
const RealDate = Date;

globalThis.Date = new Proxy(RealDate, {
  construct: (target, words, newTarget) =>
    Reflect.construct(target, words.length === 0 ? [RealDate.now() + shift] : words, newTarget),
  apply: () => new RealDate(RealDate.now() + shift).toString(),
  get: (target, key, receiver) =>
    key === 'now' ? () => RealDate.now() + shift : Reflect.get(target, key, receiver),
});
