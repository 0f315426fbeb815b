/** What is said while the requests under way are waited for. */
export const stopping = 'stopping as soon as requests under way are answered; Ctrl-C again to cut them off';
