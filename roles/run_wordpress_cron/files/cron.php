<?php
// Runs the events that are due, one by one, and says how many and which of them failed. One that fails does not stop the rest.

$database = aegir_installed($table_prefix);
define('DOING_CRON', true);
aegir_expect_words(static fn ($message) => throw new RuntimeException($message));
require ABSPATH . 'wp-load.php';

// Held by the connection: a run that was killed leaves nothing behind.
if (aegir_count($database, "SELECT GET_LOCK(CONCAT('aegir_cron_', MD5(DATABASE())), 0)") !== 1) {
    echo "Another run is under way: nothing was done.\n";
    aegir_result(['ran' => 0, 'failed' => [], 'busy' => true]);
    exit(0);
}
$ran = 0;
$failed = [];
$current = null;
// exit() or a fatal error within an event ends this process.
register_shutdown_function(static function () use (&$ran, &$failed, &$current, $aegir) {
    if ($current !== null) {
        $failed[] = "$current ended the whole run: " . aegir_words(error_get_last()['message'] ?? 'it called exit');
    }
    $result = ['ran' => $ran, 'failed' => $failed, 'busy' => false];
    file_put_contents($aegir['note'], json_encode(['at' => time()] + $result));
    aegir_result($result);
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
