import { type Html, html } from '../html.ts';

/** Commands to copy; one click selects one. */
export function commands(reference: string): Html {
  return html`<pre>img run ${reference}</pre>
<pre>img pull ${reference}</pre>
<pre>img verify ${reference}</pre>`;
}
