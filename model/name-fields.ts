// The fields of an Environment about its names: those that show the site, and those that lead elsewhere.

import type { FieldSpec } from './fields.ts';

export const nameFields: FieldSpec[] = [
  {
    name: 'primary_name',
    type: 'str',
    label: 'Primary name',
    required: true,
    format: 'host_name',
    help: 'On an installed site “Rename” gives another one, as it is in settings and content, too.',
  },
  {
    name: 'aliases',
    type: 'list',
    elements: 'str',
    label: 'Aliases',
    format: 'host_pattern',
    default: [],
    help: 'Further names of the site. *.example.org is every name before example.org that no other site has.',
  },
];

export const redirectFields: FieldSpec[] = [
  {
    name: 'redirect_names',
    group: 'Redirects',
    type: 'list',
    elements: 'str',
    label: 'Names that lead to the primary name',
    format: 'host_pattern',
    default: [],
    help: 'Such as former ones: “Rename” adds them.',
  },
  {
    name: 'www',
    group: 'Redirects',
    type: 'str',
    label: 'With or without www',
    choices: ['as_is', 'add', 'remove'],
    default: 'as_is',
    help: 'Whether visitors are led to the name with www., without it, or neither.',
  },
  {
    name: 'redirect_aliases',
    group: 'Redirects',
    type: 'bool',
    label: 'Aliases lead to the primary name',
    default: false,
  },
  {
    name: 'redirects',
    group: 'Redirects',
    type: 'list',
    elements: 'str',
    format: 'redirect',
    label: 'Redirects',
    default: [],
    help: 'One each: /old-path, the new path or address, and 301, 302, 307 or 308 (301 when left out).',
  },
];

/** The names that the values of an Environment claim, each once. */
export function namesOf(values: Record<string, unknown>): string[] {
  const listed = [values.aliases, values.redirect_names].flatMap(names => (Array.isArray(names) ? names : []));
  return [...new Set([values.primary_name, ...listed])].filter(name => typeof name === 'string');
}

/** One use for each name: the primary one is no alias, and what shows the site does not lead elsewhere. */
export function tidyNames(values: Record<string, unknown>): Record<string, unknown> {
  const without = (names: unknown, others: unknown[]): unknown[] =>
    Array.isArray(names) ? [...new Set(names)].filter(name => !others.includes(name)) : [];
  const aliases = without(values.aliases, [values.primary_name]);
  return { ...values, aliases, redirect_names: without(values.redirect_names, [values.primary_name, ...aliases]) };
}

export interface WebRedirect {
  path: string;
  target: string;
  code: number;
}

/** What becomes of the names of an Environment on the web. */
export interface WebNames {
  /** The one to which visitors are led. */
  canonical: string;
  /** Address of the site. */
  url: string;
  /** Those that show the site, the canonical one first. */
  served: string[];
  /** Those that lead to the canonical one. */
  led: string[];
  redirects: WebRedirect[];
  /** Of each redirect and each name that shows the site. */
  moved: { host: string; path: string }[];
  /** Whether anything leads elsewhere. */
  leads: boolean;
  all: string[];
  /** `served`, with blanks between. */
  text: string;
}

/** As the web server of a Server does it by itself (`roles/write_vhost/vars/main.yml`). Of no redirect is more than its form known. */
export function webNames(values: Record<string, unknown>): WebNames {
  const list = (name: string) => (Array.isArray(values[name]) ? values[name].map(String) : []);
  const primary = String(values.primary_name ?? '');
  const bare = primary.replace(/^www\./, '');
  const [canonical, other] = { add: [`www.${bare}`, bare], remove: [bare, `www.${bare}`] }[String(values.www)] ?? [
    primary,
    '',
  ];
  const unique = (names: (string | undefined)[]) =>
    [...new Set(names.filter(name => name !== undefined && name !== ''))] as string[];
  const isLed = values.redirect_aliases === true;
  const led = unique([other, ...(isLed ? list('aliases') : []), ...list('redirect_names')]).filter(
    name => name !== canonical,
  );
  const served = unique([canonical, ...list('aliases')]).filter(name => !led.includes(name));
  const scheme = (values.https ?? 'off') === 'off' ? 'http' : 'https';
  const redirects = list('redirects').map(text => {
    const [path = '', target = '', code] = text.trim().split(/\s+/);
    return { path, target, code: Number(code ?? usualRedirect) };
  });
  return {
    canonical: canonical ?? primary,
    url: `${scheme}://${canonical}/`,
    served,
    led,
    redirects,
    moved: served.flatMap(host => redirects.map(({ path }) => ({ host, path }))),
    leads: led.length > 0 || redirects.length > 0,
    all: [...served, ...led],
    text: served.join(' '),
  };
}

/** Moved permanently: what browsers and search engines remember. */
const usualRedirect = 301;
