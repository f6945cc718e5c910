// The bare commands that Operations on a WordPress site stand for, as somebody types them who has the code in /srv/<name>, its
// database, and a restic repository on the same disk: nothing is read back, compared, or taken back when it fails.

import { type BareSite, bareWordPress } from './bare-install.ts';

/** Where it is typed, and the shell's text. */
export type BareCommand = ['web' | 'second' | 'database', string];

export interface BareOperations {
  prepare: BareCommand[];
  backUp: BareCommand[];
  restore: BareCommand[];
  clone: BareCommand[];
  copyData: BareCommand[];
  update: BareCommand[];
  rollBack: BareCommand[];
  verify: BareCommand[];
  disable: BareCommand[];
  enable: BareCommand[];
  export: BareCommand[];
  import: BareCommand[];
  rename: BareCommand[];
  move: BareCommand[];
  deleteClone: BareCommand[];
}

const restic = 'export RESTIC_REPOSITORY=/srv/restic RESTIC_PASSWORD=bare';
const uploads = 'wp-content/uploads';

/** @param second the Server to which the site moves, to which the first one comes by ssh. */
export function bareOperations(site: BareSite, second: string, files: string): BareOperations {
  const copy = { ...site, name: `${site.name}copy` };
  const moved = { ...site, name: `${site.name}moved`, client: second };
  const install = (which: BareSite): BareCommand[] => [
    ...bareWordPress.onDatabase(which).map(([, command]): BareCommand => ['database', command]),
    ...bareWordPress.onWeb(which).map(([, command]): BareCommand => ['web', command]),
  ];
  const backUp: BareCommand = ['web', backUpOf(site)];
  const reloadPage = `curl -sf -o /dev/null -H 'Host: ${site.name}.test' http://127.0.0.1/ || true`;
  const code = (step: string): BareCommand => ['web', `cd /srv/${site.name}\n${step}\nphp -r ${quoted(upgrade)}`];
  return {
    prepare: [
      ...install(site),
      ['web', `cp -a ${files} /srv/${site.name}/${uploads}`],
      ['web', `${restic}\nrestic init`],
    ],
    backUp: [backUp],
    restore: [backUp, ['web', loadInto(site, site)]],
    clone: [backUp, ...install(copy), ['web', loadInto(site, copy)]],
    copyData: [backUp, ['web', backUpOf(copy)], ['web', loadInto(copy, site)]],
    update: [backUp, code('git fetch -q --depth 1 origin main && git checkout -q FETCH_HEAD')],
    rollBack: [backUp, code('git checkout -q main')],
    verify: [['web', `cd /srv/${site.name} && git status --short >/dev/null\n${reloadPage}`]],
    disable: [['web', 'nginx -t && systemctl reload nginx']],
    enable: [['web', `nginx -t && systemctl reload nginx\n${reloadPage}`]],
    export: [['web', exportOf(site)]],
    import: [...install({ ...copy, name: 'imported' }), ['web', importInto({ ...copy, name: 'imported' })]],
    rename: [
      backUp,
      ['web', `mariadb ${login(site)} -e "${renaming}"\nnginx -t && systemctl reload nginx\n${reloadPage}`],
    ],
    move: [
      backUp,
      ...install(moved).map(([place, command]): BareCommand => [place === 'web' ? 'second' : place, command]),
      ['web', backUpOf(site)],
      [
        'web',
        `rsync -a /srv/${site.name}/${uploads}/ ${second}:/srv/${moved.name}/${uploads}/\nrsync /srv/${site.name}.sql ${second}:/srv/`,
      ],
      ['second', `mariadb ${login(moved)} </srv/${site.name}.sql`],
    ],
    deleteClone: [
      ['web', backUpOf(copy)],
      ['web', `rm -rf /srv/${copy.name}\nnginx -t && systemctl reload nginx`],
      ['database', `mariadb -e "DROP DATABASE ${copy.name}; DROP USER '${copy.name}'@'${copy.client}'"`],
    ],
  };
}

const upgrade = `define("WP_INSTALLING", true); require "wp-load.php"; require ABSPATH . "wp-admin/includes/upgrade.php"; wp_upgrade();`;

const quoted = (text: string) => `'${text}'`;

const login = ({ name, host }: BareSite) => `-h ${host} -u ${name} -pbare --ssl ${name}`;

const backUpOf = (site: BareSite) => `${restic}
mariadb-dump --single-transaction ${login(site)} >/srv/${site.name}.sql
restic backup -q --host ${site.name} /srv/${site.name}.sql /srv/${site.name}/${uploads}`;

const exportOf = ({
  name,
  ...site
}: BareSite) => `mariadb-dump --single-transaction ${login({ name, ...site })} >/srv/${name}.sql
tar -czf /srv/${name}.tar.gz -C /srv ${name}.sql ${name}`;

const importInto = (
  site: BareSite,
) => `tar -xzf /srv/bare.tar.gz -C /srv/${site.name} --strip-components 1 bare/${uploads}
tar -xzf /srv/bare.tar.gz -C /srv/${site.name} bare.sql
mariadb ${login(site)} </srv/${site.name}/bare.sql`;

const renaming = [
  'wp_options SET option_value = REPLACE(option_value',
  'wp_posts SET post_content = REPLACE(post_content',
]
  .map(start => `UPDATE ${start}, 'bare.test', 'renamed.test')`)
  .join('; ');

const loadInto = (from: BareSite, to: BareSite) => `${restic}
restic restore -q latest --host ${from.name} --target /srv/back
mariadb ${login(to)} </srv/back/srv/${from.name}.sql
rm -rf /srv/${to.name}/${uploads}
mv /srv/back/srv/${from.name}/${uploads} /srv/${to.name}/${uploads}
rm -rf /srv/back`;
