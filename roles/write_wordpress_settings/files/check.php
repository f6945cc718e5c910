// Carries the settings on standard input out, as the site's own user, before they take effect.
define('ABSPATH', '/nonexistent/');
$wrong = 'they end the program';
register_shutdown_function(static function () use (&$wrong) {
    if ($wrong !== '') {
        fwrite(STDERR, $wrong);
        exit(1);
    }
});
ob_start();
set_error_handler(static fn ($level, $text, $file, $line) => throw new ErrorException($text, 0, $level, $file, $line));
try {
    // PHP swallows one line break after this, which must not be the one that the settings begin with.
    eval("?>\n" . stream_get_contents(STDIN));
    $printed = ob_get_clean();
    $missing = array_filter(
        ['DB_NAME', 'DB_USER', 'DB_PASSWORD', 'DB_HOST', 'DB_CHARSET', 'MYSQL_CLIENT_FLAGS', 'WP_HOME', 'WP_SITEURL', 'AUTH_KEY'],
        static fn ($name) => !defined($name)
    );
    $wrong = $printed !== '' ? 'they print something: nothing may stand outside of <?php'
        : ($missing !== [] ? 'they do not define ' . implode(', ', $missing)
        : (empty($table_prefix) ? 'they do not set the variable table_prefix' : ''));
} catch (Throwable $error) {
    ob_end_clean();
    $line = $error->getLine() - (str_contains($error->getFile(), "eval()'d code") ? 1 : 0);
    $wrong = lcfirst($error->getMessage()) . " on line $line";
}
