/** Retries without pauses that a test would feel. */
export const quickRetry = { attempts: 3, firstPauseMs: 1, longestPauseMs: 50, random: () => 0 };
