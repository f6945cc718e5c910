// The bare commands that installing an application stands for, as somebody types them who does without all that is around them:
// no user of its own, no PHP of its own, no read-only code, no checks.

export interface BareSite {
  name: string;
  repository: string;
  /** Of the database, and of the web server as the database sees it. */
  host: string;
  client: string;
}

/** What it is called, and the shell's text. */
type Step = [string, string];

export interface Bare {
  onDatabase(site: BareSite): Step[];
  onWeb(site: BareSite): Step[];
}

const sql = ({ name, client }: BareSite) => `mariadb <<'END'
CREATE DATABASE ${name} CHARACTER SET utf8mb4;
CREATE USER '${name}'@'${client}' IDENTIFIED BY 'bare' REQUIRE SSL;
GRANT ALL ON ${name}.* TO '${name}'@'${client}';
END`;

const clone = ({ name, repository }: BareSite) => `git clone --quiet --depth 1 ${repository} /srv/${name}`;

const reload = ({ name }: BareSite, docroot: string) => `cat >/etc/nginx/conf.d/${name}.conf <<'END'
server { listen 80; server_name ${name}.test; root ${docroot}; }
END
nginx -q -t
systemctl reload nginx
rm /etc/nginx/conf.d/${name}.conf`;

export const bareWordPress: Bare = {
  onDatabase: site => [['database', sql(site)]],
  onWeb: site => [
    ['git clone', clone(site)],
    [
      'install',
      `cd /srv/${site.name}
cat >wp-config.php <<'END'
<?php
define('DB_NAME', '${site.name}'); define('DB_USER', '${site.name}'); define('DB_PASSWORD', 'bare');
define('DB_HOST', '${site.host}'); define('DB_CHARSET', 'utf8mb4'); define('MYSQL_CLIENT_FLAGS', MYSQLI_CLIENT_SSL);
define('WP_SITEURL', 'http://${site.name}.test');
$table_prefix = 'wp_';
require_once ABSPATH . 'wp-settings.php';
END
php <<'END'
<?php
define('WP_INSTALLING', true);
$_SERVER['HTTP_HOST'] = '${site.name}.test';
require 'wp-load.php';
require ABSPATH . 'wp-admin/includes/upgrade.php';
add_filter('pre_wp_mail', '__return_true');
add_filter('pre_http_request', fn () => new WP_Error('bench'));
wp_install('Bare', 'admin', 'admin@example.org', true, '', 'bare');
END`,
    ],
    ['nginx reload', reload(site, `/srv/${site.name}`)],
  ],
};

export const bareDrupal: Bare = {
  onDatabase: site => [['database', sql(site)]],
  onWeb: site => [
    ['git clone', clone(site)],
    [
      'drush site:install',
      `cd /srv/${site.name}
cat >web/sites/default/settings.php <<'END'
<?php
$databases['default']['default'] = ['driver' => 'mysql', 'database' => '${site.name}', 'username' => '${site.name}',
  'password' => 'bare', 'host' => '${site.host}', 'prefix' => '', 'pdo' => [PDO::MYSQL_ATTR_SSL_CA => '/etc/ssl/certs/ca-certificates.crt',
  PDO::MYSQL_ATTR_SSL_VERIFY_SERVER_CERT => false]];
$settings['hash_salt'] = 'bare';
END
vendor/bin/drush site:install minimal --site-name=Bare --account-pass=bare -y`,
    ],
    ['nginx reload', reload(site, `/srv/${site.name}/web`)],
  ],
};
