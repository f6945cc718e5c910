import { describe, expect, test } from 'vitest';
import { checkName } from './names.ts';
import { isSameRepository, readPush, releaseNameOf } from './pushes.ts';

const commit = 'a'.repeat(40);
const repository = 'https://git.example.org/team/site.git';
const github = {
  ref: 'refs/heads/main',
  after: commit,
  repository: { clone_url: repository, ssh_url: 'git@git.example.org:team/site.git' },
  pusher: { name: 'ada' },
};

describe('a push', () => {
  test.each([
    ['GitHub', 'push', github],
    ['Gitea', 'push', { ...github, pusher: { login: 'ada' } }],
    [
      'GitLab',
      'Push Hook',
      {
        ref: 'refs/heads/main',
        after: commit,
        user_username: 'ada',
        project: { git_http_url: repository, git_ssh_url: 'git@git.example.org:team/site.git' },
      },
    ],
  ])('of %s is read', (_name, event, document) => {
    expect(readPush(event, document, 'ssh://git@git.example.org:2222/team/site')).toEqual({
      push: { branch: 'main', commit, pusher: 'ada' },
    });
  });

  test.each<[string, unknown, RegExp]>([
    ['ping', {}, /reaches Aegir/],
    ['issues', github, /Not a push but “issues”/],
    ['push', { ...github, ref: 'refs/tags/v1' }, /Not a branch but refs\/tags\/v1/],
    ['push', { ...github, after: '0'.repeat(40) }, /was deleted/],
    ['push', { ...github, deleted: true }, /was deleted/],
  ])('%s %j is left alone', (event, document, words) => {
    expect(readPush(event, document, repository)).toMatchObject({ ignored: expect.stringMatching(words) });
  });

  test.each<[unknown, RegExp]>([
    [{ ...github, repository: { clone_url: 'https://git.example.org/team/other.git' } }, /another repository/],
    [{ ...github, repository: {} }, /does not say/],
    [{ ...github, after: 'main' }, /names no commit/],
    [{ ...github, after: '--upload-pack=x' }, /names no commit/],
    [null, /does not say/],
    [[], /does not say/],
    ['text', /does not say/],
  ])('%j is refused', (document, words) => {
    expect(readPush('push', document, repository)).toMatchObject({ refused: expect.stringMatching(words) });
  });
});

test.each<[boolean, string, string]>([
  [true, 'https://git.example.org/a/b.git', 'git@git.example.org:a/b'],
  [true, 'https://user@GIT.example.org:8443/a/b', 'ssh://git@git.example.org:2222/a/b.git/'],
  [true, 'file:///srv/b.git', 'file:///srv/b'],
  [false, 'https://git.example.org/a/b', 'https://git.example.org/a/B'],
  [false, 'https://git.example.org/a/b', 'https://git.example.com/a/b'],
  [false, 'https://git.example.org/a/b', 'https://git.example.org/a/b/c'],
  [false, '', ''],
  [false, 'https://git.example.org/', 'https://git.example.org/'],
])('%s: %s and %s are one repository', (is, one, other) => {
  expect(isSameRepository(one, other)).toBe(is);
});

test.each([
  ['main', 'main-aaaaaaaaaa'],
  ['feature/Shop_2', 'feature-shop-2-aaaaaaaaaa'],
  ['ü', 'aaaaaaaaaa'],
  ['x'.repeat(200), `${'x'.repeat(50)}-aaaaaaaaaa`],
])('the Release of %s is called %s', (branch, name) => {
  expect(releaseNameOf(branch, commit)).toBe(name);
  expect(checkName(name)).toBeNull();
});
