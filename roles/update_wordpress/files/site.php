<?php
// What every program of ours needs before WordPress is loaded: the site's settings, a connection to its database, and words
// for what is wrong with them. WordPress itself says it in HTML, and ends with the code of success.

// PHP defines these for programs from a file only.
defined('STDERR') || define('STDERR', fopen('php://stderr', 'w'));
defined('STDOUT') || define('STDOUT', fopen('php://stdout', 'w'));

const AEGIR_TABLES = [
    'commentmeta', 'comments', 'links', 'options', 'postmeta', 'posts',
    'term_relationships', 'term_taxonomy', 'termmeta', 'terms', 'usermeta', 'users',
];

/** Its message is words for a person. */
class AegirProblem extends Exception
{
}

/** Read by the role or program that started this one. A WordPress that ends the process early leaves none. */
function aegir_result(array $result): void
{
    fwrite(STDOUT, "\naegir-result: " . json_encode($result, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_INVALID_UTF8_SUBSTITUTE) . "\n");
}

function aegir_stop(string $message): never
{
    fwrite(STDERR, $message . "\n");
    exit(1);
}

/** One line of plain text: WordPress and plugins say it in HTML. */
function aegir_words(string $text): string
{
    return trim(preg_replace('/\s+/u', ' ', html_entity_decode(strip_tags($text), ENT_QUOTES | ENT_HTML5)));
}

/** @throws AegirProblem */
function aegir_connect(): mysqli
{
    mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
    preg_match('/^(.*?)(?::(\d+))?$/', DB_HOST, $parts);
    $host = trim($parts[1], '[]');
    $connection = mysqli_init();
    $connection->options(MYSQLI_OPT_CONNECT_TIMEOUT, 10);
    try {
        // The warnings say more than the exception when it is about TLS.
        @$connection->real_connect($host, DB_USER, DB_PASSWORD, '', (int) ($parts[2] ?? 3306), null, MYSQL_CLIENT_FLAGS);
        $connection->select_db(DB_NAME);
        $connection->set_charset(DB_CHARSET);
    } catch (mysqli_sql_exception $error) {
        throw new AegirProblem(aegir_database_words($error), 0, $error);
    }
    return $connection;
}

function aegir_database_words(mysqli_sql_exception $error): string
{
    $said = error_get_last()['message'] ?? '';
    if (str_contains($said, 'certificate') || str_contains($said, 'SSL')) {
        return 'The database Server ' . DB_HOST . ' does not prove who it is: ' . aegir_words($said)
            . '. Prepare the database Server, then install again.';
    }
    $advice = match ($error->getCode()) {
        1044, 1142 => 'The user ' . DB_USER . ' has not the grants that it needs on the database ' . DB_NAME . '. Install again: it gives the grants.',
        1045 => 'The database Server ' . DB_HOST . ' refuses the user ' . DB_USER . ' (password, address or encryption). Install again: it sets them.',
        1049 => 'There is no database ' . DB_NAME . ' on ' . DB_HOST . '. Install again makes an empty one; restore a backup to have its content back.',
        1040, 1203 => 'The database Server ' . DB_HOST . ' has no connection left. Look for sites that hold too many, or raise max_connections.',
        1130 => 'The database Server ' . DB_HOST . ' takes no connections from this Server. Prepare the database Server again.',
        default => 'The database Server ' . DB_HOST . ' cannot be reached. Look whether it is up and its mariadb.service runs, and prepare it again.',
    };
    return "$advice It said: {$error->getMessage()} ({$error->getCode()}).";
}

/** Makes WordPress speak to a program: no page for an error, no exit without a word. To be called before it is loaded. */
function aegir_expect_words(callable $die): void
{
    define('WP_DISABLE_FATAL_ERROR_HANDLER', true);
    $host = parse_url(WP_HOME, PHP_URL_HOST);
    $_SERVER += ['HTTP_HOST' => $host, 'SERVER_NAME' => $host, 'REQUEST_URI' => '/', 'REQUEST_METHOD' => 'GET',
        'SERVER_PROTOCOL' => 'HTTP/1.1', 'REMOTE_ADDR' => '127.0.0.1', 'HTTP_USER_AGENT' => 'Aegir'];
    $handler = static function ($message) use ($die) {
        $die(aegir_words($message instanceof WP_Error ? $message->get_error_message() : (string) $message));
    };
    aegir_before_loading('wp_die_handler', static fn () => $handler);
}

/** A filter for a WordPress that is not there yet. */
function aegir_before_loading(string $hook, callable $function): void
{
    $GLOBALS['wp_filter'][$hook][1][] = ['function' => $function, 'accepted_args' => 3];
}

/** @return array{tables: string[], missing: string[], half: bool, installed: bool} */
function aegir_state(mysqli $database, string $prefix): array
{
    $tables = [];
    $found = $database->query("SHOW TABLES LIKE '" . addcslashes($prefix, '_%\\') . "%'");
    while ($row = $found->fetch_row()) {
        $tables[] = $row[0];
    }
    $missing = array_values(array_diff(array_map(static fn ($name) => $prefix . $name, AEGIR_TABLES), $tables));
    // Our own installer makes this table first and removes it last.
    $half = in_array("{$prefix}aegir_install", $tables, true);
    $installed = !$half && $missing === []
        && aegir_count($database, "SELECT COUNT(*) FROM `{$prefix}options` WHERE option_name = 'siteurl' AND option_value <> ''") > 0
        && aegir_count($database, "SELECT COUNT(*) FROM `{$prefix}users`") > 0;
    return ['tables' => $tables, 'missing' => $missing, 'half' => $half, 'installed' => $installed];
}

function aegir_count(mysqli $database, string $query): int
{
    return (int) $database->query($query)->fetch_row()[0];
}

/** The connection to the database of an installed WordPress; ends the program, in words, where there is none. */
function aegir_installed(string $prefix): mysqli
{
    $database = aegir_connect();
    if (!aegir_state($database, $prefix)['installed']) {
        aegir_stop('There is no complete WordPress in the database ' . DB_NAME . '. Install it first.');
    }
    return $database;
}

set_exception_handler(static function (Throwable $error) {
    aegir_stop(match (true) {
        $error instanceof AegirProblem => $error->getMessage(),
        $error instanceof mysqli_sql_exception => aegir_database_words($error),
        default => get_class($error) . ": {$error->getMessage()} in {$error->getFile()} on line {$error->getLine()}",
    });
});

// In the global scope, as WordPress needs it there.
define('ABSPATH', realpath($aegir['root']) . '/');
try {
    require_once $aegir['settings'];
} catch (Throwable $error) {
    aegir_stop("The settings of the site cannot be read: {$error->getMessage()}. Install again: it writes them.");
}
