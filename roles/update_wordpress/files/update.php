<?php
// Brings the database up to the version of the code, when it is older.

aegir_installed($table_prefix);
define('WP_INSTALLING', true);
aegir_expect_words(static fn ($message) => aegir_stop("WordPress stopped: $message"));
require ABSPATH . 'wp-load.php';
require_once ABSPATH . 'wp-admin/includes/upgrade.php';

$before = (int) get_option('db_version');
$wanted = (int) $wp_db_version;
$result = ['pending' => $before < $wanted, 'before' => $before, 'after' => $before, 'version' => $wp_version];
if ($before > $wanted) {
    echo "The database is of a newer WordPress ($before) than the code ($wanted): it is left as it is.\n";
}
if ($before < $wanted && !$aegir['only_look']) {
    echo "Updating the database from version $before to $wanted.\n";
    wp_upgrade();
    wp_cache_flush();
    $result['after'] = (int) $wpdb->get_var("SELECT option_value FROM $wpdb->options WHERE option_name = 'db_version'");
    if ($result['after'] !== $wanted) {
        aegir_stop("The database is at version {$result['after']} after its update, not at $wanted. It said: "
            . ($wpdb->last_error ?: 'nothing') . '.');
    }
}
aegir_result($result);
