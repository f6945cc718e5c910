<?php
// Reads what a Drupal that somebody else has set up says of itself. Its settings are carried out without Drupal behind them.

/** Folder of the site: the one that is given, or the only one of the Drupal that lies there. */
function aegir_site(string $path): string
{
    if (is_file("$path/settings.php")) {
        return $path;
    }
    $found = array_merge(...array_map(
        static fn ($docroot) => glob(rtrim("$path/$docroot", '/') . '/sites/*/settings.php') ?: [],
        ['', 'web', 'docroot', 'html']
    ));
    $folders = array_map('dirname', $found);
    if (count($folders) !== 1) {
        aegir_refuse($folders === []
            ? "There is no Drupal site in $path: give the folder in which its settings.php lies, such as …/sites/default."
            : 'There are several sites: ' . implode(', ', $folders) . '. Give the folder of one of them.');
    }
    return $folders[0];
}

/** Sites that Aegir 3 made have their database's account in drushrc.php, and take it from the web server otherwise. */
function aegir_account(string $site): void
{
    $options = [];
    if (is_file("$site/drushrc.php")) {
        include "$site/drushrc.php";
    }
    foreach (['db_type', 'db_name', 'db_host', 'db_port', 'db_user', 'db_passwd'] as $name) {
        if (isset($options[$name])) {
            $_SERVER[$name] ??= $options[$name];
        }
    }
}

/** What the settings want of TLS: whether, and the authority that must have signed. */
function aegir_tls(array $pdo): array
{
    $ca = (string) ($pdo[PDO::MYSQL_ATTR_SSL_CA] ?? '');
    $isVerified = $ca !== '' && ($pdo[PDO::MYSQL_ATTR_SSL_VERIFY_SERVER_CERT] ?? true);
    return ['ssl' => $ca !== '', 'ca' => $isVerified ? (string) @file_get_contents($ca) : ''];
}

/** @return array{databases: array, settings: array} */
function aegir_settings(string $app_root, string $site_path): array
{
    $class_loader = is_file("$app_root/autoload.php") ? include "$app_root/autoload.php" : null;
    $databases = $settings = $config = [];
    include "$app_root/$site_path/settings.php";
    return ['databases' => $databases, 'settings' => $settings];
}

$aegir_folder = realpath(aegir_site($aegir_path));
$aegir_root = dirname($aegir_folder, 2);
if (basename(dirname($aegir_folder)) !== 'sites' || !is_file("$aegir_root/core/lib/Drupal.php")) {
    aegir_refuse("$aegir_folder is not the folder of a site of Drupal 8 or later: it lies in the folder sites/ beside core/.");
}
if (!is_readable("$aegir_folder/settings.php")) {
    aegir_refuse("$aegir_folder/settings.php cannot be read: give as “Unix user” who may.");
}
chdir($aegir_root);
ob_start();
try {
    aegir_account($aegir_folder);
    ['databases' => $aegir_databases, 'settings' => $aegir_settings] = aegir_settings($aegir_root, 'sites/' . basename($aegir_folder));
} catch (Throwable $error) {
    aegir_refuse("{$error->getFile()}: {$error->getMessage()} on line {$error->getLine()}");
}
ob_end_clean();

$aegir_own = $aegir_databases['default']['default'] ?? [];
$aegir_driver = $aegir_own['driver'] ?? '';
if ($aegir_driver !== 'mysql') {
    aegir_refuse($aegir_driver === '' ? "$aegir_folder/settings.php names no database. If it depends on the name, give “Name of the site”."
        : "The site has its database in $aegir_driver; only MySQL and MariaDB can be taken.");
}
if (is_array($aegir_own['prefix'] ?? '') ? array_filter($aegir_own['prefix']) : ($aegir_own['prefix'] ?? '') !== '') {
    aegir_refuse('The names of its tables have a prefix, with which a site of Aegir does not work: take the prefix away first.');
}
$aegir_absolute = static fn ($folder) => str_starts_with($folder, '/') ? $folder : "$aegir_root/$folder";
$aegir_trees = ['files' => $aegir_absolute($aegir_settings['file_public_path'] ?? 'sites/' . basename($aegir_folder) . '/files')];
if (!empty($aegir_settings['file_private_path'])) {
    // As write_drupal_settings has it.
    $aegir_trees['private/files'] = $aegir_absolute($aegir_settings['file_private_path']);
}
$aegir_host = basename($aegir_folder);
aegir_answer([
    'database' => [
        'name' => $aegir_own['database'] ?? '',
        'user' => $aegir_own['username'] ?? '',
        'password' => $aegir_own['password'] ?? '',
        'host' => ($aegir_own['host'] ?? '') ?: 'localhost',
        'port' => (int) ($aegir_own['port'] ?? 0) ?: 3306,
        'socket' => $aegir_own['unix_socket'] ?? '',
        ...aegir_tls($aegir_own['pdo'] ?? []),
    ],
    'prefix' => '',
    'trees' => array_map(static fn ($folder) => realpath($folder) ?: $folder, $aegir_trees),
    'primary_name' => $aegir_name ?: (str_contains($aegir_host, '.') ? strtolower($aegir_host) : ''),
]);
