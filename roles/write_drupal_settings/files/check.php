// Carries the settings on standard input out, as the site's own user, before they take effect.
$app_root = '/nonexistent';
$site_path = 'sites/default';
$settings = $config = $databases = [];
ob_start();
set_error_handler(static fn ($level, $text) => throw new ErrorException($text));
try {
    // PHP swallows one line break after this, which must not be the one that the settings begin with.
    eval("?>\n" . stream_get_contents(STDIN));
    $printed = ob_get_clean();
    $wrong = match (true) {
        $printed !== '' => 'they print something: nothing may stand outside of <?php',
        empty($databases['default']['default']['database']) => 'they do not set $databases[default][default]',
        empty($settings['hash_salt']) => 'they do not set $settings[hash_salt]',
        empty($settings['config_sync_directory']) => 'they do not set $settings[config_sync_directory]',
        default => '',
    };
} catch (Throwable $error) {
    ob_end_clean();
    $wrong = lcfirst($error->getMessage()) . ' on line ' . ($error->getLine() - 1);
}
if ($wrong !== '') {
    fwrite(STDERR, $wrong);
    exit(1);
}
