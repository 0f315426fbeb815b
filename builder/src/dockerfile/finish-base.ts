import { destinationOf } from './copy.ts';
import type { ImageDraft } from './image-draft.ts';

/** Where Debian's packages look for what official images have elsewhere. */
const places: { readonly [language: string]: readonly (readonly [from: string, to: string])[] } = {
  httpd: [['/usr/local/apache2/htdocs', '/var/www/html']],
  nginx: [['/usr/share/nginx/html', '/var/www/html']],
};

/** The configuration of the one site that an image of nginx has. */
const nginxSites = ['/etc/nginx/conf.d/default.conf', '/etc/nginx/conf.d'];

/** Puts files where the programs of Debian look for them. */
export function finishBase(draft: ImageDraft): void {
  const { language = '' } = draft;
  const hasOwnConfiguration = draft.files.some((file) =>
    /^\/etc\/(?:nginx|apache2)(?:\/|$)/.test(destinationOf(file)),
  );
  for (const file of draft.files) {
    const place = destinationOf(file);
    if (
      language === 'nginx' &&
      !file.isFolder &&
      (place === nginxSites[0] || file.to === `${nginxSites[1]}/`)
    ) {
      file.to = '/etc/nginx/sites-available/default';
      draft.note(
        file.line,
        `the place ${place}`,
        'changed',
        `it goes to ${file.to}, in the place of the site that Debian's nginx serves`,
      );
    }
    // A configuration of one's own names the place by itself.
    if (hasOwnConfiguration) continue;
    for (const [from, to] of Object.hasOwn(places, language) ? (places[language] ?? []) : []) {
      if (place !== from && !place.startsWith(`${from}/`)) continue;
      file.to = `${to}${file.to.slice(from.length)}`;
      draft.note(
        file.line,
        `the place ${place}`,
        'changed',
        `it goes to ${file.to}, which Debian's package serves`,
      );
    }
  }
}
