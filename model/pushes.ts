// What a git server says by its webhook, read from its document: GitHub, GitLab, Gitea (and what descends from it). Pure;
// whether it really was that server is looked at before (api/hook-signature.ts).

export const gitProviders = ['github', 'gitlab', 'gitea'] as const;
export type GitProvider = (typeof gitProviders)[number];

export const pushStates = [
  'received',
  'looking',
  'building',
  'updating',
  'done',
  'ignored',
  'refused',
  'failed',
] as const;
/** `received`: it waits for its turn. */
export type PushState = (typeof pushStates)[number];
export const openPushStates = ['received', 'looking', 'building', 'updating'] as const;

export interface Push {
  branch: string;
  commit: string;
  /** Who has pushed, as the server calls them. */
  pusher: string;
}

/** Why there is nothing to do with it. */
export type ReadPush = { push: Push } | { ignored: string; branch?: string } | { refused: string };

const branchPrefix = 'refs/heads/';
const hash = /^([0-9a-f]{40}|[0-9a-f]{64})$/;

/** @param event as its header names it. @param repository address of the Project's. */
export function readPush(event: string, document: unknown, repository: string): ReadPush {
  if (event === 'ping') return { ignored: 'A test: the git server reaches Aegir.' };
  if (!/^(push|Push Hook)$/.test(event)) return { ignored: `Not a push but “${event.slice(0, 50)}”.` };
  const payload = dictOf(document);
  const addresses = addressesOf(payload);
  if (addresses.length === 0) return { refused: 'It does not say of which repository it is.' };
  if (!addresses.some(address => isSameRepository(address, repository)))
    return { refused: `It is about another repository, ${addresses[0]?.slice(0, 200)}, than the Project has.` };
  const ref = textOf(payload.ref);
  if (!ref.startsWith(branchPrefix)) return { ignored: `Not a branch but ${ref.slice(0, 200) || 'nothing'}.` };
  const branch = ref.slice(branchPrefix.length);
  const commit = textOf(payload.after);
  if (/^0+$/.test(commit) || payload.deleted === true)
    return { ignored: 'The branch was deleted. Nothing is changed by that.', branch };
  if (!hash.test(commit)) return { refused: 'It names no commit.' };
  const pusher = dictOf(payload.pusher);
  const name =
    textOf(pusher.login) || textOf(pusher.name) || textOf(payload.user_username) || textOf(payload.user_name);
  return { push: { branch, commit, pusher: name.slice(0, 100) } };
}

function addressesOf({ repository, project }: Record<string, unknown>): string[] {
  const names = ['clone_url', 'ssh_url', 'html_url', 'git_url', 'git_http_url', 'git_ssh_url', 'web_url', 'url'];
  return [dictOf(repository), dictOf(project)].flatMap(from => names.map(name => textOf(from[name])).filter(Boolean));
}

/** By host and path: the ways to one repository differ in scheme, user and port. */
export function isSameRepository(one: string, other: string): boolean {
  const [left, right] = [placeOf(one), placeOf(other)];
  return left !== '' && left === right;
}

function placeOf(address: string): string {
  const scp = /^(?:[^@/\s]+@)?(\[[^\]]+\]|[^:/\s]+):(?!\/\/)(.+)$/.exec(address);
  const [host, path] = scp ? [scp[1] ?? '', scp[2] ?? ''] : partsOf(address);
  const clean = path.replace(/^\/+|\/+$/g, '').replace(/\.git$/, '');
  return clean ? `${host.toLowerCase()}/${clean}` : '';
}

function partsOf(address: string): [string, string] {
  if (!URL.canParse(address)) return ['', ''];
  const { hostname, pathname } = new URL(address);
  return [hostname, decodeURI(pathname)];
}

const dictOf = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

/** `feature/Shop` and a commit → `feature-shop-1a2b3c4d5e`: the name of a Release. */
export function releaseNameOf(branch: string, commit: string): string {
  const short = commit.slice(0, 10);
  const word = branch.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  // Names have at most 63 characters, and neither begin nor end with "-".
  return `${word.slice(0, 50)}-${short}`.replace(/^-+/, '').replace(/-{2,}/g, '-');
}
