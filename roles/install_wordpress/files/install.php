<?php
// Installs WordPress into the site's empty database: by wp-cli where the codebase has it, else by WordPress's own function.
// A table of ours says that it has not come to its end: what such an installation left is removed by the next one, and
// nothing else ever is.

$database = aegir_connect();
$state = aegir_state($database, $table_prefix);
if ($aegir['only_look'] || $state['installed']) {
    aegir_result(['installed' => $state['installed'], 'half' => $state['half']]);
    exit(0);
}
// Held by the connection: it is free when its holder is gone.
if (aegir_count($database, "SELECT GET_LOCK(CONCAT('aegir_install_', MD5(DATABASE())), 0)") !== 1) {
    aegir_stop('Another installation of this site is under way. Wait for its end, then install again.');
}
if ($state['tables'] !== [] && !$state['half']) {
    aegir_stop('The database ' . DB_NAME . ' holds tables (' . implode(', ', array_slice($state['tables'], 0, 5))
        . '), but no complete WordPress' . ($state['missing'] ? ': ' . implode(', ', $state['missing']) . ' are missing' : ' (no address or no users)')
        . '. Nothing was removed. Restore a backup, or remove the tables, then install again.');
}
// Content that was brought from elsewhere may have been made with another prefix: a second WordPress beside it helps nobody.
foreach ($state['tables'] === [] ? $database->query("SHOW TABLES LIKE '%options'")->fetch_all() : [] as [$table]) {
    $prefix = substr($table, 0, -strlen('options'));
    if (aegir_state($database, $prefix)['installed']) {
        aegir_stop('The database ' . DB_NAME . " holds a WordPress whose tables begin with “{$prefix}”, and this site looks for “{$table_prefix}”."
            . ' Nothing was changed. Run it again with that one as the “Table prefix”.');
    }
}
if (!in_array($aegir['locale'], ['', 'en_US'], true) && !is_file(ABSPATH . "wp-content/languages/{$aegir['locale']}.mo")) {
    $found = array_map(static fn ($file) => basename($file, '.mo'), glob(ABSPATH . 'wp-content/languages/[a-z][a-z]*.mo'));
    $languages = preg_grep('/^[a-z]{2,3}(_[A-Z]{2})?(_[a-z]+)?$/', $found);
    aegir_stop("The codebase has no language “{$aegir['locale']}”. It has: " . implode(', ', ['en_US', ...$languages]) . '.');
}
if ($state['half']) {
    echo 'An earlier installation did not come to its end: ', count($state['tables']), " tables that it left are removed.\n";
    $database->query('SET FOREIGN_KEY_CHECKS = 0');
    // The mark goes last: an interruption here is found again.
    $mark = "{$table_prefix}aegir_install";
    foreach ([...array_diff($state['tables'], [$mark]), $mark] as $table) {
        $database->query("DROP TABLE IF EXISTS `$table`");
    }
}
$database->query("CREATE TABLE `{$table_prefix}aegir_install` (started DATETIME NOT NULL)");

// Nobody knows it: people sign in by Aegir, or have WordPress mail them a new one.
$password = bin2hex(random_bytes(24));
if ($aegir['wp_cli'] !== '') {
    echo "Installing with {$aegir['wp_cli']}.\n";
    $command = [
        $aegir['wp_cli'], 'core', 'install', '--path=' . ABSPATH, "--url={$aegir['url']}", "--title={$aegir['site_name']}",
        "--admin_user={$aegir['admin_name']}", "--admin_email={$aegir['admin_mail']}",
        ...($aegir['locale'] ? ["--locale={$aegir['locale']}"] : []), '--skip-email', '--prompt=admin_password',
    ];
    // What it says of the password that it is asked for is not passed on.
    $process = proc_open($command, [['pipe', 'r'], ['file', '/dev/null', 'w'], STDERR], $pipes);
    fwrite($pipes[0], "$password\n");
    fclose($pipes[0]);
    $code = proc_close($process);
    if ($code !== 0) {
        aegir_stop("wp core install ended with code $code; its words are above. Install again: it begins anew.");
    }
}

define('WP_INSTALLING', true);
aegir_expect_words(static fn ($message) => aegir_stop("WordPress stopped: $message"));
aegir_before_loading('pre_wp_mail', static fn () => true);
// It would ask the new site by its name, which may lead nowhere yet.
aegir_before_loading('pre_http_request', static fn () => new WP_Error('aegir', 'No requests while it is installed.'));
require ABSPATH . 'wp-load.php';
function wp_new_blog_notification() // phpcs:ignore: pluggable; no mail with a password in it
{
}
require_once ABSPATH . 'wp-admin/includes/upgrade.php';
if ($aegir['wp_cli'] === '') {
    echo "Installing with WordPress's own function.\n";
    load_default_textdomain($aegir['locale']);
    $wp_locale = new WP_Locale();
    wp_install($aegir['site_name'], $aegir['admin_name'], $aegir['admin_mail'], $aegir['public'], '', $password, $aegir['locale']);
}
update_option('blog_public', $aegir['public'] ? '1' : '0');
$wp_rewrite->set_permalink_structure('/%year%/%monthnum%/%day%/%postname%/');
flush_rewrite_rules(false);

$database->query("DROP TABLE `{$table_prefix}aegir_install`");
if (!aegir_state($database, $table_prefix)['installed']) {
    aegir_stop('WordPress says that it is installed, but its address or its users are missing. Look at the lines above.');
}
aegir_result(['installed' => true, 'half' => false]);
