// How tools write a text: what masking must see, and what nothing may hold of a secret afterwards.

const json = (text: string) => JSON.stringify(text).slice(1, -1);
const perCharacter = (text: string, render: (character: string) => string) => [...text].map(render).join('');
const hex = (character: string, digits: number) => (character.codePointAt(0) ?? 0).toString(16).padStart(digits, '0');
const units = (text: string, render: (unit: string) => string) => text.split('').map(render).join('');
const html: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const bytes = (text: string, render: (byte: string) => string) =>
  [...Buffer.from(text)].map(byte => render(byte.toString(16).padStart(2, '0'))).join('');
const urlLower = (text: string) => encodeURIComponent(text).replace(/%../g, found => found.toLowerCase());

/** By the name of the way. */
export const encodings: Record<string, (text: string) => string> = {
  nothing: text => text,
  JSON: json,
  'JSON in JSON': text => json(json(text)),
  'JSON in JSON in JSON': text => json(json(json(text))),
  'JSON with slashes as \\/': text => json(text).replaceAll('/', '\\/'),
  'JSON with slashes as \\/ in JSON': text => json(json(text).replaceAll('/', '\\/')),
  'JSON in ASCII': text => json(text).replace(/[^ -~]/g, unit => `\\u${hex(unit, 4)}`),
  'JSON for HTML': text => json(text).replace(/[<>&'+]/g, unit => `\\u${hex(unit, 4).toUpperCase()}`),
  'JSON in which everything is \\u': text => units(text, unit => `\\u${hex(unit, 4)}`),
  URL: encodeURIComponent,
  'URL with lower-case digits': urlLower,
  'URL, twice': text => encodeURIComponent(encodeURIComponent(text)),
  'URL of JSON': text => encodeURIComponent(json(text)),
  'form of a page': text => new URLSearchParams({ a: text }).toString().slice(2),
  'URL in which everything is %': text => bytes(text, byte => `%${byte}`),
  HTML: text => text.replace(/[&<>"']/g, found => html[found] ?? ''),
  'HTML, twice': text => text.replace(/[&<>"']/g, found => html[found] ?? '').replaceAll('&', '&amp;'),
  'HTML by numbers': text => perCharacter(text, character => `&#x${hex(character, 1)};`),
  'HTML by decimal numbers': text => perCharacter(text, character => `&#${character.codePointAt(0)};`),
  'JSON in HTML': text => json(text).replace(/[&<>"']/g, found => html[found] ?? ''),
  "shell's single quotes": text => text.replaceAll("'", `'\\''`),
  "shell's single quotes in JSON": text => json(text.replaceAll("'", `'\\''`)),
  "Python's shell quotes": text => text.replaceAll("'", `'"'"'`),
  "Python's shell quotes in JSON": text => json(text.replaceAll("'", `'"'"'`)),
  'shell with backslashes': text => text.replace(/[^A-Za-z0-9_\u0080-\uffff]/g, found => `\\${found}`),
  'double quotes of a shell': text => text.replace(/["$`\\]/g, found => `\\${found}`),
  'doubled quotes': text => text.replaceAll("'", "''").replaceAll('"', '""'),
  'doubled percents and dollars': text => text.replaceAll('%', '%%').replaceAll('$', '$$$$'),
  'Python bytes': text => bytes(text, byte => `\\x${byte}`),
  base64: text => Buffer.from(text).toString('base64'),
  'base64 for URLs': text => Buffer.from(text).toString('base64url'),
  'base64 in JSON': text => Buffer.from(text).toString('base64').replaceAll('/', '\\/'),
  'base64 in a URL': text => encodeURIComponent(Buffer.from(text).toString('base64')),
  'base64 of its JSON': text => Buffer.from(json(text)).toString('base64'),
};
