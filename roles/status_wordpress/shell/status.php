<?php
// Answers with what it finds, however much of the site is broken: each part that cannot be read is a problem in words.

$status = [
    'application' => 'WordPress', 'version' => '', 'installed' => false, 'title' => '', 'url' => WP_HOME, 'php' => PHP_VERSION,
    'database' => ['name' => DB_NAME, 'host' => DB_HOST, 'reachable' => false, 'tables' => 0, 'bytes' => 0],
    'users' => 0, 'administrators' => 0, 'theme' => '', 'plugins' => [],
    'cron' => ['last_run' => null, 'failed' => [], 'due' => 0],
    'problems' => [],
];
$loading = false;
// A plugin may end the process while WordPress is loaded.
register_shutdown_function(static function () use (&$status, &$loading) {
    if ($loading) {
        $status['problems'][] = 'WordPress cannot be loaded: ' . aegir_words(error_get_last()['message'] ?? 'it ended without a word') . '.';
    }
    aegir_result($status);
});
if (preg_match("/wp_version = '([^']+)'/", (string) @file_get_contents(ABSPATH . 'wp-includes/version.php'), $found)) {
    $status['version'] = $found[1];
}
if (is_array($cron = json_decode((string) @file_get_contents($aegir['note']), true))) {
    $status['cron'] = ['last_run' => gmdate('Y-m-d\TH:i:s\Z', $cron['at']), 'failed' => $cron['failed'], 'due' => 0];
    array_push($status['problems'], ...array_map(static fn ($words) => "At the last run of cron $words.", $cron['failed']));
}
try {
    $database = aegir_connect();
    $state = aegir_state($database, $table_prefix);
} catch (AegirProblem $error) {
    $status['problems'][] = $error->getMessage();
    exit(0);
}
$status['installed'] = $state['installed'];
$status['database'] = [
    'reachable' => true,
    'tables' => count($state['tables']),
    'bytes' => aegir_count($database, 'SELECT COALESCE(SUM(data_length + index_length), 0) FROM information_schema.tables WHERE table_schema = DATABASE()'),
] + $status['database'];
if (!$state['installed']) {
    $status['problems'][] = $state['half']
        ? 'The installation did not come to its end. Install again: it begins anew.'
        : 'The database holds no complete WordPress. Install it, or restore a backup.';
    exit(0);
}
$status['users'] = aegir_count($database, "SELECT COUNT(*) FROM `{$table_prefix}users`");
$status['administrators'] = aegir_count($database, "SELECT COUNT(*) FROM `{$table_prefix}usermeta` WHERE meta_key = '{$table_prefix}capabilities' AND meta_value LIKE '%\"administrator\";b:1%'");

$loading = true;
aegir_expect_words(static function ($message) use (&$status, &$loading) {
    $loading = false;
    $status['problems'][] = "WordPress stopped: $message";
    exit(0);
});
require ABSPATH . 'wp-load.php';
$loading = false;

$status['title'] = html_entity_decode(get_option('blogname'), ENT_QUOTES);
$status['theme'] = (string) wp_get_theme();
$status['plugins'] = array_map('dirname', (array) get_option('active_plugins'));
foreach (wp_get_ready_cron_jobs() as $hooks) {
    $status['cron']['due'] += array_sum(array_map('count', $hooks));
}
if ((int) get_option('db_version') !== (int) $wp_db_version) {
    $status['problems'][] = (int) get_option('db_version') < (int) $wp_db_version
        ? 'The database waits for its update to the version of the code. Install again: it carries the update out.'
        : 'The database is of a newer WordPress than the code.';
}
if ($status['administrators'] === 0) {
    $status['problems'][] = 'Nobody is an administrator of the site.';
}
