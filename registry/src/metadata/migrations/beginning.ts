import type { Dialect } from '../database.ts';
import type { Migration } from '../migrations.ts';

/** The first schema. Digests and names are text as in the protocol; times are milliseconds since 1970. */
export const beginning: Migration = {
  name: 'beginning',
  statements: (dialect) => [...content(dialect), ...tags(dialect), ...uploads(dialect), ...users(dialect)],
};

function content({ identity, integer, text, bytes, tableOptions }: Dialect): string[] {
  return [
    `CREATE TABLE repositories (
      id ${identity},
      name ${text} NOT NULL UNIQUE,
      created_at ${integer} NOT NULL
    ) ${tableOptions}`,

    // Bytes that are stored once, whoever pushed them; "key" is where the blob store has them.
    `CREATE TABLE blobs (
      id ${identity},
      digest ${text} NOT NULL UNIQUE,
      size ${integer} NOT NULL,
      key ${text} NOT NULL UNIQUE,
      created_at ${integer} NOT NULL
    ) ${tableOptions}`,

    // Which repository has which blob. "review_at" is when to ask whether a manifest needs it; null: none to come.
    `CREATE TABLE links (
      repository_id ${integer} NOT NULL REFERENCES repositories,
      blob_id ${integer} NOT NULL REFERENCES blobs,
      created_at ${integer} NOT NULL,
      review_at ${integer},
      PRIMARY KEY (repository_id, blob_id)
    ) ${tableOptions}`,
    'CREATE INDEX links_by_blob ON links (blob_id)',
    'CREATE INDEX links_by_review ON links (review_at) WHERE review_at IS NOT NULL',

    // "annotations" is JSON, kept only beside a subject, for the list of referrers.
    `CREATE TABLE manifests (
      id ${identity},
      repository_id ${integer} NOT NULL REFERENCES repositories,
      digest ${text} NOT NULL,
      media_type ${text} NOT NULL,
      artifact_type ${text},
      subject ${text},
      annotations ${text},
      size ${integer} NOT NULL,
      created_at ${integer} NOT NULL,
      bytes ${bytes} NOT NULL,
      UNIQUE (repository_id, digest)
    ) ${tableOptions}`,
    'CREATE INDEX manifests_by_subject ON manifests (repository_id, subject, digest) WHERE subject IS NOT NULL',

    // What a manifest points at, whether it is there or not; "kind" is blob or manifest.
    `CREATE TABLE edges (
      manifest_id ${integer} NOT NULL REFERENCES manifests ON DELETE CASCADE,
      kind ${text} NOT NULL,
      digest ${text} NOT NULL,
      repository_id ${integer} NOT NULL REFERENCES repositories,
      PRIMARY KEY (manifest_id, kind, digest)
    ) ${tableOptions}`,
    'CREATE INDEX edges_by_digest ON edges (repository_id, kind, digest, manifest_id)',
  ];
}

function tags({ identity, integer, text, tableOptions }: Dialect): string[] {
  return [
    `CREATE TABLE tags (
      repository_id ${integer} NOT NULL REFERENCES repositories,
      name ${text} NOT NULL,
      manifest_id ${integer} NOT NULL REFERENCES manifests,
      updated_at ${integer} NOT NULL,
      PRIMARY KEY (repository_id, name)
    ) ${tableOptions}`,
    'CREATE INDEX tags_by_manifest ON tags (manifest_id)',

    // Every move of a tag; a null digest is its removal.
    `CREATE TABLE tag_history (
      id ${identity},
      repository_id ${integer} NOT NULL REFERENCES repositories,
      name ${text} NOT NULL,
      digest ${text},
      actor ${text} NOT NULL,
      at ${integer} NOT NULL
    ) ${tableOptions}`,
    'CREATE INDEX tag_history_by_name ON tag_history (repository_id, name, id)',
  ];
}

function uploads({ integer, text, bytes, tableOptions }: Dialect): string[] {
  return [
    // "size", "notes" and "tail" are the UploadState; one process at a time has it locked.
    `CREATE TABLE uploads (
      id ${text} PRIMARY KEY,
      repository ${text} NOT NULL,
      owner ${text} NOT NULL,
      key ${text} NOT NULL,
      algorithm ${text},
      size ${integer} NOT NULL,
      notes ${text} NOT NULL,
      tail ${bytes} NOT NULL,
      locked_by ${text},
      locked_until ${integer} NOT NULL,
      updated_at ${integer} NOT NULL
    ) ${tableOptions}`,
    'CREATE INDEX uploads_by_age ON uploads (updated_at)',

    // Bytes that nothing in these tables names any more and that the blob store is about to remove.
    `CREATE TABLE tombstones (
      key ${text} PRIMARY KEY,
      size ${integer} NOT NULL,
      notes ${text} NOT NULL,
      created_at ${integer} NOT NULL
    ) ${tableOptions}`,
  ];
}

function users({ identity, integer, text, tableOptions }: Dialect): string[] {
  return [
    `CREATE TABLE users (
      id ${identity},
      name ${text} NOT NULL UNIQUE,
      password_hash ${text} NOT NULL,
      is_administrator ${integer} NOT NULL,
      created_at ${integer} NOT NULL
    ) ${tableOptions}`,
  ];
}
