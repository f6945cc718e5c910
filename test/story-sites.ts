// The sites of stories (story.ts): WordPress, Django and static files, each a repository with three Releases: a first one, one that
// brings its database along, and one that fails half-way. Each shows on its page `story <version>: <rows> at <address>`, static files the version only.

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { commitDjangoSite, djangoBuild, djangoService } from './django-repository.ts';
import { commitFiles } from './git-server.ts';
import { makeWordPressRepository } from './wordpress-repository.ts';

export interface StorySite {
  name: string;
  application: string;
  /** Answers of its installation. */
  answers: Record<string, unknown>;
  /** In a new folder. Returns a commit for each Release. */
  commit(repository: string): Promise<[first: string, second: string, broken: string]>;
  /** Further values of its Project. */
  project: Record<string, unknown>;
  /** Table in which its rows are, with a column for their text; null = it has no database. */
  rows: { table: string; column: string } | null;
  /** SQL for what an installation does not do by itself. */
  settle: string;
  /** What is in its rows from the first Release on. */
  first: string;
}

const wordPressFiles = (version: string, update: string) => ({
  'wp-content/themes/story/style.css': `/*\nTheme Name: Story\nVersion: ${version}\n*/\n`,
  'wp-content/themes/story/index.php': `<?php
global $wpdb;
$rows = implode(', ', $wpdb->get_col('SELECT note FROM wp_story ORDER BY id'));
echo 'story ' . wp_get_theme()->get('Version') . ": $rows at " . get_option('story_address') . "\\n";
`,
  'wp-content/plugins/story/story.php': `<?php
/*
Plugin Name: Story
Version: ${version}
*/
add_action('plugins_loaded', function () {
    global $wpdb;
    if (get_option('story_version') === '${version}') return;
    ${update}
    update_option('story_version', '${version}');
});
`,
});

const wordPress: StorySite = {
  name: 'blog',
  application: 'wordpress',
  answers: { site_name: 'Story' },
  rows: { table: 'wp_story', column: 'note' },
  first: 'first',
  project: {},
  settle: `UPDATE wp_options SET option_value = 'story' WHERE option_name IN ('template', 'stylesheet');
    UPDATE wp_options SET option_value = 'a:1:{i:0;s:15:"story/story.php";}' WHERE option_name = 'active_plugins';
    INSERT INTO wp_options (option_name, option_value) SELECT 'story_address', option_value FROM wp_options WHERE option_name = 'siteurl';
    CREATE TABLE wp_story (id INT AUTO_INCREMENT PRIMARY KEY, note VARCHAR(20));
    INSERT INTO wp_story (note) VALUES ('first');`,
  async commit(repository) {
    await makeWordPressRepository(repository);
    const second = `$wpdb->query('ALTER TABLE wp_story ADD price INT DEFAULT 7'); $wpdb->insert('wp_story', ['note' => 'second']);`;
    const broken = `$wpdb->insert('wp_story', ['note' => 'half']); throw new Exception('The moon is away');`;
    return [
      await commitFiles(repository, wordPressFiles('1.0', '')),
      await commitFiles(repository, wordPressFiles('2.0', second)),
      await commitFiles(repository, wordPressFiles('3.0', broken)),
    ];
  },
};

const djangoPage = (version: string) => `

def story(request):
    notes = ', '.join(note.text for note in Note.objects.order_by('id'))
    return HttpResponse(f'story ${version}: {notes} at {request.get_host()}\\n')


urlpatterns[:] = [path('', story)]
`;

/** MariaDB does not take back what is done outside of a transaction. */
const djangoMigration = (previous: string, note: string, end: string) => `from django.db import migrations, models


def change(apps, _editor):
    apps.get_model('notes', 'Note').objects.create(text='${note}')
    ${end}


class Migration(migrations.Migration):
    atomic = False
    dependencies = [('notes', '${previous}')]
    operations = [
        migrations.AddField('Note', 'of_${note}', models.IntegerField(default=7)),
        migrations.RunPython(change),
    ]
`;

const django: StorySite = {
  name: 'notes',
  application: 'generic',
  answers: { build: djangoBuild, service_command: djangoService },
  rows: { table: 'notes_note', column: 'text' },
  first: 'kept in MariaDB',
  project: {},
  settle: '',
  async commit(repository) {
    const model = (fields: string[]) => ({
      'notes/models.py': `from django.db import models


class Note(models.Model):
    text = models.CharField(max_length=200)
${fields.map(name => `    of_${name} = models.IntegerField(default=7)\n`).join('')}`,
    });
    const first = await commitDjangoSite(repository, djangoPage('1.0'));
    await commitDjangoSite(repository, djangoPage('2.0'));
    const second = await commitFiles(repository, {
      ...model(['second']),
      'notes/migrations/0002_second.py': djangoMigration('0001_initial', 'second', 'pass'),
    });
    await commitDjangoSite(repository, djangoPage('3.0'));
    const broken = await commitFiles(repository, {
      ...model(['second', 'half']),
      'notes/migrations/0003_half.py': djangoMigration('0002_second', 'half', "raise Exception('The sun is away')"),
    });
    return [first, second, broken];
  },
};

export const staticPages: StorySite = {
  name: 'pages',
  application: 'static',
  project: { docroot: 'public' },
  answers: {},
  rows: null,
  first: '',
  settle: '',
  async commit(repository) {
    const page = (version: string) => commitFiles(repository, { 'public/index.html': `story ${version}\n` });
    const releases = [await page('1.0'), await page('2.0')] as const;
    // It has no such folder.
    await rm(join(repository, 'public'), { recursive: true });
    return [...releases, await commitFiles(repository, { 'index.html': 'story 3.0\n' })];
  },
};

const shopPage = (version: string) => `<?php
require '../database.php';
$notes = implode(', ', array_column(database()->query('SELECT text FROM notes ORDER BY id')->fetch_all(), 0));
echo "story ${version}: $notes at $_SERVER[HTTP_HOST]\\n";
`;

const shopDatabase = `<?php
function database(): mysqli {
    mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
    $connection = mysqli_init();
    $authority = getenv('DATABASE_CA') ?: null;
    if ($authority) $connection->ssl_set(null, null, $authority, null, null);
    $connection->real_connect(getenv('DATABASE_HOST'), getenv('DATABASE_USER'), getenv('DATABASE_PASSWORD'),
        getenv('DATABASE_NAME'), (int) getenv('DATABASE_PORT'), null, $authority ? MYSQLI_CLIENT_SSL : 0);
    return $connection;
}
`;

/** Each step is taken once, in its order. */
const shopSteps = (steps: string[]) => `<?php
require 'database.php';
$database = database();
$database->query('CREATE TABLE IF NOT EXISTS notes (id INT AUTO_INCREMENT PRIMARY KEY, text VARCHAR(200)) ENGINE=InnoDB');
$database->query('CREATE TABLE IF NOT EXISTS steps (id INT PRIMARY KEY) ENGINE=InnoDB');
$taken = array_column($database->query('SELECT id FROM steps')->fetch_all(), 0);
foreach ([${steps.map(step => `function () use ($database) { ${step} }`).join(', ')}] as $number => $step) {
    if (in_array($number, $taken)) continue;
    echo "Step $number\\n";
    $step();
    $database->query("INSERT INTO steps VALUES ($number)");
}
`;

/** PHP that is served by itself on a server, and by nginx in an image. @param base that image */
export const phpShop = (base: string): StorySite => ({
  name: 'shop',
  application: 'generic',
  answers: { build: ['php migrate.php'], service_command: ['./serve'] },
  rows: { table: 'notes', column: 'text' },
  first: 'first',
  project: {},
  settle: '',
  async commit(repository) {
    const first = `$database->query("INSERT INTO notes (text) VALUES ('first')");`;
    const second = `$database->query('ALTER TABLE notes ADD price INT DEFAULT 7'); $database->query("INSERT INTO notes (text) VALUES ('second')");`;
    const broken = `$database->query("INSERT INTO notes (text) VALUES ('half')"); throw new Exception('The moon is away');`;
    const release = (version: string, steps: string[]) =>
      commitFiles(repository, { 'public/index.php': shopPage(version), 'migrate.php': shopSteps(steps) });
    await commitFiles(repository, {
      'database.php': shopDatabase,
      serve: '#!/bin/sh\nexec php -S "$HOST:$PORT" -t public\n',
      Containerfile: `FROM ${base}\nCOPY . /app\nENV DOCUMENT_ROOT=/app/public\n`,
    });
    return [
      await release('1.0', [first]),
      await release('2.0', [first, second]),
      await release('3.0', [first, second, broken]),
    ];
  },
});

export const storySites = [wordPress, django, staticPages];
