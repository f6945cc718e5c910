<?php
// Runs the events that are due, one by one. One that fails does not stop the rest. It ends with 1 when some have failed, and
// the last line says which; with 75 when another run is under way.

$database = aegir_installed($table_prefix);
define('DOING_CRON', true);
aegir_expect_words(static fn ($message) => throw new RuntimeException($message));
$loaded = false;
// exit() or a fatal error of a plugin ends this process.
register_shutdown_function(static function () use (&$loaded) {
    if (!$loaded) {
        echo 'WordPress ended the run while it was loaded: ' . aegir_words(error_get_last()['message'] ?? 'it called exit') . "\n";
        exit(1);
    }
});
try {
    require ABSPATH . 'wp-load.php';
} finally {
    $loaded = true;
}

// Held by the connection: a run that was killed leaves nothing behind.
if (aegir_count($database, "SELECT GET_LOCK(CONCAT('aegir_cron_', MD5(DATABASE())), 0)") !== 1) {
    echo "Another run is under way: nothing was done.\n";
    exit(75);
}
$ran = 0;
$failed = [];
$current = null;
register_shutdown_function(static function () use (&$ran, &$failed, &$current, $aegir) {
    if ($current !== null) {
        $failed[] = "$current ended the whole run: " . aegir_words(error_get_last()['message'] ?? 'it called exit');
    }
    file_put_contents($aegir['note'], json_encode(['at' => time(), 'ran' => $ran, 'failed' => $failed]));
    if ($failed === []) {
        echo "$ran events ran.\n";
        return;
    }
    echo count($failed) . ' of ' . ($ran + count($failed)) . ' events failed. ' . implode('; ', $failed)
        . ". They are not tried again before they are next due.\n";
    exit(1);
});
foreach (wp_get_ready_cron_jobs() as $time => $hooks) {
    foreach ($hooks as $hook => $events) {
        foreach ($events as $event) {
            $current = $hook;
            echo "$hook\n";
            try {
                if ($event['schedule']) {
                    wp_reschedule_event($time, $event['schedule'], $hook, $event['args']);
                }
                wp_unschedule_event($time, $hook, $event['args']);
                do_action_ref_array($hook, $event['args']);
                $ran++;
            } catch (Throwable $error) {
                $failed[] = "$hook: " . aegir_words($error->getMessage());
            }
            $current = null;
        }
    }
}
