<?php
// Forgets what WordPress keeps to be faster: its object cache and the transients that are over.

aegir_installed($table_prefix);
aegir_expect_words(static fn ($message) => aegir_stop("WordPress stopped: $message"));
require ABSPATH . 'wp-load.php';

$count = static fn () => (int) $wpdb->get_var("SELECT COUNT(*) FROM $wpdb->options WHERE option_name LIKE '\\_%transient\\_%'");
$before = $count();
delete_expired_transients(true);
$flushed = wp_cache_flush();
aegir_result(['transients' => $before - $count(), 'flushed' => $flushed]);
