<?php
// Looks whether the site is whole and set as Aegir means it. Changes nothing but a file that it makes and removes.

$problems = [];
try {
    $database = aegir_connect();
    $state = aegir_state($database, $table_prefix);
} catch (AegirProblem $error) {
    aegir_result(['version' => '', 'problems' => [$error->getMessage()]]);
    exit(0);
}
if (!$state['installed']) {
    $missing = implode(', ', $state['missing']);
    $problems[] = match (true) {
        $state['half'] => 'The installation did not come to its end. Install again: it begins anew.',
        $missing !== '' => 'The database ' . DB_NAME . " has no table $missing. Restore a backup.",
        default => 'WordPress has no address or no users in the database ' . DB_NAME . '. Restore a backup.',
    };
    aegir_result(['version' => '', 'problems' => $problems]);
    exit(0);
}
if (is_file(dirname($aegir['settings']) . '/ca.pem') && !$database->query("SHOW SESSION STATUS LIKE 'Ssl_cipher'")->fetch_row()[1]) {
    $problems[] = 'The connection to the database is not encrypted. Install again: the settings ask for it.';
}
aegir_expect_words(static function ($message) use (&$problems) {
    aegir_result(['version' => '', 'problems' => [...$problems, "WordPress stopped: $message"]]);
    exit(0);
});
require ABSPATH . 'wp-load.php';

foreach (['home' => home_url(), 'siteurl' => site_url()] as $name => $address) {
    if (parse_url($address, PHP_URL_HOST) !== parse_url($aegir['url'], PHP_URL_HOST)) {
        $problems[] = "WordPress takes its $name to be $address, and the site is $aegir[url]. Install again: the settings say it.";
    }
}
$uploads = wp_upload_dir(null, true, true);
$proof = $uploads['basedir'] . '/.aegir-' . bin2hex(random_bytes(8));
if (realpath($uploads['basedir']) !== realpath($aegir['files'])) {
    $problems[] = "Uploads go to $uploads[basedir], which is not the Environment's folder of files: they would be lost with the next Release.";
} elseif (@file_put_contents($proof, '') === false) {
    $problems[] = "The site cannot write into $aegir[files]: " . (error_get_last()['message'] ?? '') . '.';
}
@unlink($proof);
if (!defined('DISABLE_WP_CRON') || !DISABLE_WP_CRON) {
    $problems[] = 'WordPress runs its own cron within page requests. Install again: the settings leave that to Aegir.';
}
if ((int) get_option('db_version') < (int) $wp_db_version) {
    $problems[] = 'The database waits for its update to the version of the code. Install again: it carries the update out.';
}
aegir_result(['version' => $wp_version, 'problems' => $problems]);
