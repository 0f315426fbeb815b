import test from 'ava';
import { html } from './html.ts';

test('html escapes what is from outside, in content and in attributes', (t) => {
  const outside = `<script>"'&`;
  t.is(
    html`<p title="${outside}">${outside}</p>`.text,
    '<p title="&lt;script&gt;&quot;&#39;&amp;">&lt;script&gt;&quot;&#39;&amp;</p>',
  );
});

test('html takes HTML, lists and numbers as they are, and leaves out what is not there', (t) => {
  const items = ['a<', 'b'].map((item) => html`<li>${item}</li>`);
  t.is(html`<ul>${items}</ul>${1}${false}${undefined}${[]}`.text, '<ul><li>a&lt;</li><li>b</li></ul>1');
});
