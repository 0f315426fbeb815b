import { parseManifest } from '@img/spec/manifest';
import { attachmentSubject } from '../../transfer/attachment-tag.ts';
import { findAdmissionPolicy } from '../admission/admission-policy.ts';
import { bringAttachments } from './bring-attachments.ts';
import { type KeepManifest, storeCopy } from './store-copy.ts';

/** Stores a manifest and brings its signatures after it; before the tag, where a rule asks for them. */
export const storeImage: KeepManifest = async (copy, content, tag) => {
  const { name, services } = copy;
  const { bytes, descriptor } = content;
  const { subject } = parseManifest(bytes, descriptor.mediaType);
  if (subject !== undefined || (tag !== undefined && attachmentSubject(tag) !== undefined)) {
    await storeCopy(copy, content, tag);
  } else if (tag !== undefined && (await findAdmissionPolicy(services.database, name)) !== undefined) {
    await storeCopy(copy, content);
    await bringAttachments(copy, descriptor.digest);
    await storeCopy(copy, content, tag);
  } else {
    await storeCopy(copy, content, tag);
    void services.cache.inBackground(() => bringAttachments(copy, descriptor.digest));
  }
};
