<?php
// The tables of content from elsewhere may begin with another prefix than this site's settings say: they get this one.

aegir_take_prefix(aegir_connect(), $table_prefix);

function aegir_take_prefix(mysqli $database, string $prefix): void
{
    $found = aegir_prefixes($database);
    if ($found === [] || in_array($prefix, $found, true)) {
        return;
    }
    if (count($found) > 1) {
        aegir_stop('There are several WordPress sites in the database, with the prefixes ' . implode(', ', $found)
            . ". Dump the tables of one of them, or give its prefix as “Table prefix”; now it is $prefix.");
    }
    [$former] = $found;
    $from = strlen($former) + 1;
    // Names of settings have the prefix in them. They change first: until the tables do, all of it is as good as not begun.
    $database->begin_transaction();
    foreach (['options' => 'option_name', 'usermeta' => 'meta_key'] as $table => $column) {
        $own = $table === 'options' ? "= '{$former}user_roles'" : "LIKE '" . addcslashes($former, '_%\\') . "%'";
        $database->query("UPDATE `$former$table` SET $column = CONCAT('$prefix', SUBSTRING($column, $from)) WHERE $column $own");
    }
    $database->commit();
    $tables = aegir_state($database, $former)['tables'];
    $renamed = array_map(static fn ($table) => "`$table` TO `$prefix" . substr($table, strlen($former)) . '`', $tables);
    $database->query('RENAME TABLE ' . implode(', ', $renamed));
    echo count($tables) . " tables: $former is now $prefix\n";
}

/** Of each WordPress that is whole. One without a prefix cannot be told from other tables. */
function aegir_prefixes(mysqli $database): array
{
    $prefixes = [];
    foreach (aegir_state($database, '')['tables'] as $table) {
        $prefix = str_ends_with($table, 'options') ? substr($table, 0, -strlen('options')) : '';
        if (preg_match('/^[A-Za-z0-9_]+$/', $prefix) && aegir_state($database, $prefix)['missing'] === []) {
            $prefixes[] = $prefix;
        }
    }
    return $prefixes;
}
