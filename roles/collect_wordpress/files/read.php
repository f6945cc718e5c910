<?php
// Reads what a WordPress that somebody else has set up says of itself. Its settings are carried out without WordPress behind them.

/** Host, port and socket of `DB_HOST`: a host, host:port, host:/socket, or [address]:port. */
function aegir_host(string $text): array
{
    preg_match('~^(\[[^\]]*\]|[^:/]*)(?::(\d+))?(?::?(/.*))?$~', $text, $parts);
    return [trim($parts[1] ?? '', '[]') ?: 'localhost', (int) ($parts[2] ?? 0) ?: 3306, $parts[3] ?? ''];
}

/** The name in its address, as its database has it; empty when nobody can say. */
function aegir_home(array $database, string $prefix): string
{
    mysqli_report(MYSQLI_REPORT_OFF);
    $connection = mysqli_init();
    $isThere = @$connection->real_connect(
        $database['host'], $database['user'], $database['password'], $database['name'], $database['port'], $database['socket'] ?: null,
        $database['ssl'] ? MYSQLI_CLIENT_SSL | MYSQLI_CLIENT_SSL_DONT_VERIFY_SERVER_CERT : 0
    );
    $found = $isThere ? @$connection->query("SELECT option_value FROM `{$prefix}options` WHERE option_name = 'home'") : false;
    return $found ? (string) ($found->fetch_row()[0] ?? '') : '';
}

if (!is_file("$aegir_path/wp-settings.php")) {
    aegir_refuse("There is no WordPress in $aegir_path: give the folder in which its wp-settings.php lies.");
}
// As WordPress looks for them: beside it, or one folder above, where no other WordPress lies.
$aegir_config = "$aegir_path/wp-config.php";
if (!is_file($aegir_config) && !is_file(dirname($aegir_path) . '/wp-settings.php')) {
    $aegir_config = dirname($aegir_path) . '/wp-config.php';
}
if (!is_file($aegir_config)) {
    aegir_refuse("$aegir_path has no wp-config.php.");
}
$aegir_code = @file_get_contents($aegir_config);
if ($aegir_code === false) {
    aegir_refuse("$aegir_config cannot be read: give as “Unix user” who may.");
}

define('ABSPATH', "$aegir_path/");
$aegir_code = preg_replace('/^\s*(require|include)(_once)?\b.*wp-settings\.php.*$/m', '', $aegir_code);
$aegir_code = strtr($aegir_code, ['__FILE__' => var_export($aegir_config, true), '__DIR__' => var_export(dirname($aegir_config), true)]);
ob_start();
try {
    eval("?>\n" . $aegir_code);
} catch (Throwable $error) {
    aegir_refuse("$aegir_config: {$error->getMessage()} on line " . ($error->getLine() - 1));
}
ob_end_clean();

$aegir_missing = array_filter(['DB_NAME', 'DB_USER', 'DB_PASSWORD', 'DB_HOST'], static fn ($name) => !defined($name));
if ($aegir_missing !== []) {
    aegir_refuse("$aegir_config does not define " . implode(', ', $aegir_missing) . '. If it depends on the name, give “Name of the site”.');
}
if (empty($table_prefix)) {
    aegir_refuse("$aegir_config does not set the variable table_prefix.");
}
if (defined('MULTISITE') && MULTISITE) {
    aegir_refuse('It is a network of sites (MULTISITE), of which one cannot be taken alone.');
}
[$aegir_host, $aegir_port, $aegir_socket] = aegir_host(DB_HOST);
$aegir_database = ['name' => DB_NAME, 'user' => DB_USER, 'password' => DB_PASSWORD, 'host' => $aegir_host, 'port' => $aegir_port, 'socket' => $aegir_socket,
    'ssl' => defined('MYSQL_CLIENT_FLAGS') && (MYSQL_CLIENT_FLAGS & MYSQLI_CLIENT_SSL) !== 0];
$aegir_uploads = defined('UPLOADS') ? ABSPATH . UPLOADS : (defined('WP_CONTENT_DIR') ? WP_CONTENT_DIR : ABSPATH . 'wp-content') . '/uploads';
$aegir_home = defined('WP_HOME') ? WP_HOME : aegir_home($aegir_database, $table_prefix);
aegir_answer([
    'database' => $aegir_database,
    'prefix' => $table_prefix,
    // A site to which nobody has uploaded anything has none.
    'trees' => is_dir($aegir_uploads) ? ['files' => realpath($aegir_uploads)] : [],
    'primary_name' => $aegir_name ?: strtolower((string) parse_url($aegir_home, PHP_URL_HOST)),
]);
