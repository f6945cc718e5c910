<?php
// Goes through all tables of the database, row by row. WordPress is not loaded: a plugin would act on what is half done.
// Columns called guid stay, as readers of feeds know entries by them.

$database = aegir_installed($table_prefix);
$database->query("SET SESSION sql_mode = 'STRICT_ALL_TABLES'");
$addresses = new AegirAddresses($aegir['names'], $aegir['ports'], $aegir['url'], $aegir['folders']);
$count = ['rewritten' => 0, 'tables' => 0];
$left = [];

$tables = $database->query("SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE'");
// Where nobody knows how the site was called, there is nothing to look for.
foreach ($aegir['names'] === [] ? [] : array_column($tables->fetch_all(), 0) as $name) {
    $table = new AegirTable($database, $name, $addresses);
    $changed = $table->rewrite($left);
    if ($changed > 0) {
        echo "$name: $changed values\n";
        $count = ['rewritten' => $count['rewritten'] + $changed, 'tables' => $count['tables'] + 1];
    }
}
if ($aegir['public'] !== '') {
    $statement = $database->prepare("UPDATE `{$table_prefix}options` SET option_value = ? WHERE option_name = 'blog_public' AND option_value <> ?");
    $statement->execute([$aegir['public'], $aegir['public']]);
    $count['rewritten'] += $statement->affected_rows;
}
foreach ($left as $words) {
    echo "Left as it is: $words\n";
}
if ($addresses->unreadable > 0) {
    echo "Left as they are: {$addresses->unreadable} damaged serialised values.\n";
}
aegir_result($count + ['left' => count($left) + $addresses->unreadable]);

class AegirTable
{
    private const PAGE = 500;
    private string $name;
    /** Columns with texts, quoted; those that change by themselves, which are to stay. */
    private array $texts = [];
    private array $touched = [];
    private array $key = [];

    public function __construct(private mysqli $database, private string $plain, private AegirAddresses $addresses)
    {
        $this->name = self::quoted($plain);
        $columns = $database->query("SHOW FULL COLUMNS FROM {$this->name}")->fetch_all(MYSQLI_ASSOC);
        foreach ($columns as $column) {
            $extra = strtolower($column['Extra']);
            if ($column['Key'] === 'PRI') {
                $this->key[] = self::quoted($column['Field']);
            }
            if (str_contains($extra, 'on update')) {
                $this->touched[] = self::quoted($column['Field']);
            }
            if (preg_match('/char|text|blob|json/i', $column['Type']) && !str_contains($extra, 'generated') && $column['Field'] !== 'guid') {
                $this->texts[] = self::quoted($column['Field']);
            }
        }
    }

    /** How many values have changed. */
    public function rewrite(array &$left): int
    {
        if ($this->texts === []) {
            return 0;
        }
        return $this->key === [] ? $this->rewriteValues($left) : $this->rewriteRows($left);
    }

    private function rewriteRows(array &$left): int
    {
        $changed = 0;
        $keys = implode(', ', $this->key);
        [$like, $likes] = $this->like($this->texts);
        $isRow = implode(' AND ', array_map(static fn ($column) => "$column = ?", $this->key));
        $marks = implode(', ', array_fill(0, count($this->key), '?'));
        $last = null;
        do {
            $after = $last === null ? '' : "AND ($keys) > ($marks)";
            $page = $this->ask("SELECT $keys FROM {$this->name} WHERE ($like) $after ORDER BY $keys LIMIT " . self::PAGE, [...$likes, ...($last ?? [])]);
            $this->database->begin_transaction();
            foreach ($page as $last) {
                // One row at a time: it may be large.
                [$row] = $this->ask('SELECT ' . implode(', ', $this->texts) . " FROM {$this->name} WHERE $isRow", $last) + [null];
                foreach ($row ?? [] as $index => $value) {
                    $changed += $this->change($this->texts[$index], $value, [$isRow, $last], $left);
                }
            }
            $this->database->commit();
        } while (count($page) === self::PAGE);
        return $changed;
    }

    /** Without a key: what is alike becomes alike. */
    private function rewriteValues(array &$left): int
    {
        $changed = 0;
        foreach ($this->texts as $column) {
            [$like, $likes] = $this->like([$column]);
            foreach ($this->ask("SELECT DISTINCT BINARY $column FROM {$this->name} WHERE $like", $likes) as [$value]) {
                $changed += $this->change($column, $value, ["BINARY $column = ?", [$value]], $left);
            }
        }
        return $changed;
    }

    private function change(string $column, ?string $value, array $where, array &$left): int
    {
        // Bytes that are no text are not ours to understand.
        if ($value === null || !mb_check_encoding($value, 'UTF-8')) {
            return 0;
        }
        $new = $this->addresses->in($value);
        if ($new === $value) {
            return 0;
        }
        $set = implode(', ', ["$column = ?", ...array_map(static fn ($touched) => "$touched = $touched", $this->touched)]);
        try {
            $this->database->prepare("UPDATE {$this->name} SET $set WHERE {$where[0]}")->execute([$new, ...$where[1]]);
        } catch (mysqli_sql_exception $error) {
            // 1406: too long for its column, 1062: there is one like it, 4025: a condition of the table.
            if (!in_array($error->getCode(), [1406, 1062, 4025], true)) {
                throw $error;
            }
            $left[] = "{$this->plain}, $column: " . $error->getMessage();
            return 0;
        }
        return 1;
    }

    /** A condition that finds all that may have to change, and its values. */
    private function like(array $columns): array
    {
        $conditions = $values = [];
        foreach ($columns as $column) {
            foreach ($this->addresses->needles() as $needle) {
                $conditions[] = "$column LIKE ?";
                $values[] = '%' . addcslashes($needle, '_%\\') . '%';
            }
        }
        return [implode(' OR ', $conditions), $values];
    }

    private function ask(string $query, array $values): array
    {
        $statement = $this->database->prepare($query);
        $statement->execute($values);
        return $statement->get_result()->fetch_all();
    }

    private static function quoted(string $name): string
    {
        return '`' . str_replace('`', '``', $name) . '`';
    }
}
