import type { Migration } from '../migrations.ts';

/** Who must have signed what a tag means, and what was admitted by that. */
export const admission: Migration = {
  name: 'admission',
  statements: ({ bytes, integer, text, tableOptions }) => [
    // By name, which need be that of no repository: a rule covers the name and everything below it. "document" is a
    // trust document or a signed trust root, byte for byte as it was given, and "digest" names these bytes.
    `CREATE TABLE admission_rules (
      name ${text} PRIMARY KEY,
      document ${bytes} NOT NULL,
      digest ${text} NOT NULL,
      set_by ${text} NOT NULL,
      set_at ${integer} NOT NULL
    ) ${tableOptions}`,

    // What a tag was last admitted to mean. "sequence" is null where its signers number nothing, "rule" is the digest of
    // the rule's document, and "summary" that of the manifest which says so.
    `CREATE TABLE admissions (
      repository_id ${integer} NOT NULL REFERENCES repositories,
      tag ${text} NOT NULL,
      digest ${text} NOT NULL,
      sequence ${integer},
      rule ${text} NOT NULL,
      summary ${text} NOT NULL,
      admitted_at ${integer} NOT NULL,
      PRIMARY KEY (repository_id, tag)
    ) ${tableOptions}`,
  ],
};
