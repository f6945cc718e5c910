// Which Server of a Cluster an Environment is put on, and why, in words that its page shows. Counting and locking are the
// store's (store/placement.ts).

import type { Problem } from './errors.ts';
import { sizeWords } from './size-words.ts';

export type Service = 'web' | 'database';

/** A Server of the Cluster as placement sees it. */
export interface Candidate {
  id: string;
  name: string;
  state: string;
  services: Service[];
  phpVersions: string[];
  /** Most Environments; null = no limit. */
  capacity: number | null;
  /** Living ones that use it, for whichever service. */
  environments: number;
  /** By its last verify; null = never verified. */
  freeBytes: number | null;
}

export interface Wish {
  service: Service;
  /** Its name. */
  cluster: string;
  /** Whether the application needs PHP, and which; '' = any. Null: it needs none. */
  phpVersion: string | null;
}

export type Placement = { server: Candidate; reason: string } | { problems: Problem[] };

export const chosenByHand = 'chosen by hand';

/** The field of an Environment that names its Server for it. */
export const serverFields = { web: 'web_server', database: 'database_server' } as const satisfies Record<
  Service,
  string
>;
export type ServerField = (typeof serverFields)[Service];

/** The result field of an Environment with a reason for each field that names a Server: shown beside it, not by itself. */
export const placementField = 'placement';

export function reasonAt(values: Record<string, unknown>, field: string): string | null {
  const reason = (values[placementField] as Record<string, unknown> | null | undefined)?.[field];
  return typeof reason === 'string' ? reason : null;
}

const words: Record<Service, { server: string; offer: string }> = {
  web: { server: 'web server', offer: 'web' },
  database: { server: 'database server', offer: 'databases' },
};

/** More Servers than these are counted, not named: the reason is one sentence. */
const namedOthers = 3;

/** The fitting Server with most room for one more Environment; else why each one is out. */
export function placeOn(candidates: Candidate[], wish: Wish): Placement {
  const offering = candidates.filter(one => one.services.includes(wish.service) && one.state !== 'deleted');
  const out = offering.flatMap(one => whyOut(one, wish) ?? []);
  const [best, ...others] = offering.filter(one => whyOut(one, wish) === null).sort(byRoom);
  if (best) return { server: best, reason: reasonFor(best, others, out) };
  const { server, offer } = words[wish.service];
  const whole =
    offering.length === 0
      ? `No Server of ${wish.cluster} offers ${offer}. Add one that does, or choose another Cluster.`
      : `No ${server} of ${wish.cluster} can take it. Mend one of these, add another one, or choose another Cluster.`;
  return { problems: [whole, ...out.map(why => `${why}.`)].map(message => problemOf(wish.service, message)) };
}

/** What speaks against a Server that a person has chosen. One that failed its last verify may be meant to be mended. */
export function checkChosen(server: Candidate, wish: Wish): Problem[] {
  const { server: role, offer } = words[wish.service];
  if (server.state === 'deleted') return [problemOf(wish.service, `${server.name} is deleted.`)];
  if (!server.services.includes(wish.service))
    return [
      problemOf(wish.service, `${server.name} offers no ${offer}. Change that on its page, or choose another one.`),
    ];
  const why = isFull(server) ?? lacksPhp(server, wish);
  return why ? [problemOf(wish.service, `${why}. Change that on its page, or choose another ${role}.`)] : [];
}

function problemOf(service: Service, message: string): Problem {
  return { path: serverFields[service], message };
}

/** Null = it fits. */
function whyOut(server: Candidate, wish: Wish): string | null {
  if (server.state === 'failed') return `${server.name} failed its last verify`;
  return isFull(server) ?? lacksPhp(server, wish);
}

function isFull({ name, capacity, environments }: Candidate): string | null {
  return capacity !== null && environments >= capacity ? `${name} is full (${environments} of ${capacity})` : null;
}

function lacksPhp({ name, phpVersions }: Candidate, { service, phpVersion }: Wish): string | null {
  if (service !== 'web' || phpVersion === null) return null;
  if (phpVersions.length === 0) return `${name} has no PHP`;
  if (phpVersion === '' || phpVersions.includes(phpVersion)) return null;
  return `${name} has no PHP ${phpVersion}: it has ${phpVersions.join(', ')}`;
}

/** What one more Environment would get; below all others when it is not known. */
const roomOf = ({ freeBytes, environments }: Candidate) => (freeBytes === null ? -1 : freeBytes / (environments + 1));

function byRoom(one: Candidate, other: Candidate): number {
  return roomOf(other) - roomOf(one) || (one.name < other.name ? -1 : 1);
}

function reasonFor(best: Candidate, others: Candidate[], out: string[]): string {
  const compared = others.map(one => `${one.name}: ${figuresOf(one)}`);
  const rest = [...compared, ...out];
  const named = rest.slice(0, namedOthers);
  if (rest.length > named.length) named.push(`and ${rest.length - named.length} more`);
  return [`${best.name} ${claimOf(best, others)}`, ...named].join('; ');
}

function claimOf(best: Candidate, others: Candidate[]): string {
  const [second] = others;
  if (!second) return `is the only one that fits: ${figuresOf(best)}`;
  if (roomOf(second) < roomOf(best)) return `has most room: ${figuresOf(best)}`;
  return `comes first by name among those with the same room: ${figuresOf(best)}`;
}

function figuresOf({ freeBytes, environments }: Candidate): string {
  const count = environments === 1 ? '1 Environment' : `${environments} Environments`;
  return freeBytes === null ? `not verified yet, ${count}` : `${sizeWords(freeBytes)} free for ${count}`;
}
