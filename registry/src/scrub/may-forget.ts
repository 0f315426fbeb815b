/** Of what was read, at most so many or this part is forgotten. */
const mostForgotten = 10;
const mostForgottenShare = 1 / 100;

/** Whether one more may be forgotten of what is bad: where so much is, it is the storage that is not there. */
export function mayForget({ read, bad }: { readonly read: number; readonly bad: number }): boolean {
  return bad < Math.max(mostForgotten, read * mostForgottenShare);
}
