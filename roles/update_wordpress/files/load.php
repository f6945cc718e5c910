<?php
// Loads the site with its plugins and its theme, as for a visitor, and says in words what stops it.

aegir_installed($table_prefix);
aegir_expect_words(static fn ($message) => aegir_stop("WordPress stopped: $message"));
try {
    ob_start();
    require ABSPATH . 'wp-load.php';
    ob_end_clean();
} catch (Throwable $error) {
    $file = str_replace(ABSPATH, '', $error->getFile());
    aegir_stop("The new code stopped: {$error->getMessage()} ($file, line {$error->getLine()}).");
}
aegir_result(['version' => $wp_version]);
