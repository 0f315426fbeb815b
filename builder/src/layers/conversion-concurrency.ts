import { availableParallelism } from 'node:os';

/**
 * How many layers are converted or compressed at the same time: each takes a processor and, with its decompressor,
 * its compressor and what is between them, up to 80 MB.
 */
export const conversionConcurrency = Math.min(availableParallelism(), 4);
