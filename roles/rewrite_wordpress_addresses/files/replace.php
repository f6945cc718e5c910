<?php
// Puts addresses and folders of one site into the place of another's in a value, whatever it is packed in: PHP's serialised
// values (with their lengths), JSON with its slashes, one within the other. Nothing is ever unserialised: no code of the site
// runs, and what is of an unknown class stays whole.

/** A serialised value that is none. */
class AegirUnreadable extends Exception
{
}

class AegirAddresses
{
    /** Values that begin like serialised ones and are damaged: they were left as they are. */
    public int $unreadable = 0;

    private const SERIALISED = '/^(?:a:\d+:\{|[sOC]:\d+:")/';
    private array $patterns = [];

    /**
     * @param string[] $names hosts whose addresses are replaced
     * @param int[] $ports that may stand behind them
     * @param array<string, string> $folders absolute paths and what comes into their place
     */
    public function __construct(private array $names, array $ports, string $url, private array $folders)
    {
        [$scheme, $host] = explode('://', $url, 2);
        $hosts = implode('|', array_map(static fn ($name) => preg_quote($name, '~'), $names));
        $port = implode('|', array_unique([80, 443, ...$ports]));
        // Not the beginning of a longer name, and no other port.
        $end = '(?![A-Za-z0-9_-]|\.[A-Za-z0-9]';
        $slashes = '((?:\\\\*/){2})';
        $plain = "~(?:(?<![A-Za-z0-9+.-])(https?:)|(?<![A-Za-z0-9_:/\\\\]))$slashes(?:$hosts)(?::(?:$port)(?!\d))?$end|:\d|@)~i";
        $this->patterns[$plain] = static fn ($found) => ($found[1] === '' ? '' : "$scheme:") . $found[2] . $host;
        $encoded = "~(?<![A-Za-z0-9+.-])https?%3A%2F%2F(?:$hosts)(?:%3A(?:$port)(?!\d))?$end|%3A\d|%40)~i";
        $this->patterns[$encoded] = static fn () => rawurlencode("$scheme://$host");
        foreach ($folders as $from => $to) {
            $parts = array_map(static fn ($part) => preg_quote($part, '~'), explode('/', trim($from, '/')));
            $path = '~(?<![A-Za-z0-9_.:/\\\\-])(\\\\*/)' . implode('\1', $parts) . '(?![A-Za-z0-9_.-])~';
            $this->patterns[$path] = static fn ($found) => $found[1] . implode($found[1], explode('/', trim($to, '/')));
        }
    }

    /** What a value must have somewhere for anything to be replaced in it. */
    public function needles(): array
    {
        return [...$this->names, ...array_map(static fn ($folder) => '/' . basename($folder), array_keys($this->folders))];
    }

    public function in(string $value): string
    {
        if (!$this->mayHave($value)) {
            return $value;
        }
        if (preg_match(self::SERIALISED, $value)) {
            try {
                return $this->inSerialised($value);
            } catch (AegirUnreadable) {
                $this->unreadable++;
                return $value;
            }
        }
        return $this->holdsPacked($value) ? $this->inJson($value) : $this->inText($value);
    }

    private function mayHave(string $value): bool
    {
        foreach ($this->needles() as $needle) {
            if (stripos($value, $needle) !== false) {
                return true;
            }
        }
        return false;
    }

    private function inText(string $text): string
    {
        foreach ($this->patterns as $pattern => $replace) {
            $text = preg_replace_callback($pattern, $replace, $text);
            if ($text === null) {
                throw new AegirProblem('A value could not be looked through: ' . preg_last_error_msg() . '.');
            }
        }
        return $text;
    }

    private function inSerialised(string $text): string
    {
        $at = 0;
        $result = $this->item($text, $at);
        $rest = substr($text, $at);
        if (trim($rest) !== '') {
            throw new AegirUnreadable();
        }
        return $result . $rest;
    }

    private function item(string $text, int &$at): string
    {
        switch ($text[$at] ?? '') {
            case 's':
                [$length] = $this->take('/\Gs:(\d+):"/', $text, $at);
                $content = $this->in($this->bytes($text, $at, (int) $length));
                $this->take('/\G";/', $text, $at);
                return 's:' . strlen($content) . ":\"$content\";";
            case 'a':
                [$count, $head] = $this->take('/\Ga:(\d+):\{/', $text, $at);
                return $head . $this->pairs($text, $at, (int) $count);
            case 'O':
                [$length, $head] = $this->take('/\GO:(\d+):"/', $text, $at);
                $head .= $this->bytes($text, $at, (int) $length);
                [$count, $middle] = $this->take('/\G":(\d+):\{/', $text, $at);
                return $head . $middle . $this->pairs($text, $at, (int) $count);
            case 'C':
                [$length, $head] = $this->take('/\GC:(\d+):"/', $text, $at);
                $head .= $this->bytes($text, $at, (int) $length);
                [$length] = $this->take('/\G":(\d+):\{/', $text, $at);
                // Its class alone knows what this is; the classes of PHP itself write serialised values.
                $content = $this->in($this->bytes($text, $at, (int) $length));
                $this->take('/\G\}/', $text, $at);
                return "$head\":" . strlen($content) . ":{{$content}}";
            case 'E':
                [$length, $head] = $this->take('/\GE:(\d+):"/', $text, $at);
                return $head . $this->bytes($text, $at, (int) $length) . $this->take('/\G";()/', $text, $at)[1];
            default:
                return $this->take('/\G(?:N|[bidrR]:[^;]*);()/', $text, $at)[1];
        }
    }

    /** Keys stay: two of them may not become one. */
    private function pairs(string $text, int &$at, int $count): string
    {
        $result = '';
        for ($index = 0; $index < $count; $index++) {
            $from = $at;
            $this->item($text, $at);
            $result .= substr($text, $from, $at - $from) . $this->item($text, $at);
        }
        $this->take('/\G\}/', $text, $at);
        return $result . '}';
    }

    /** @return array{0: string, 1: string} what is in the brackets, and all of it */
    private function take(string $pattern, string $text, int &$at): array
    {
        if (!preg_match($pattern, $text, $found, 0, $at)) {
            throw new AegirUnreadable();
        }
        $at += strlen($found[0]);
        return [$found[1] ?? '', $found[0]];
    }

    private function bytes(string $text, int &$at, int $length): string
    {
        if ($at + $length > strlen($text)) {
            throw new AegirUnreadable();
        }
        $at += $length;
        return substr($text, $at - $length, $length);
    }

    /** JSON has no lengths and is text; only serialised values in its strings need to be unpacked. */
    private function holdsPacked(string $value): bool
    {
        return preg_match('/^\s*[{["]/', $value) === 1 && preg_match('/(?:a:\d+:\{|[sOC]:\d+:\\\\+")/', $value) === 1
            && json_decode($value) !== null;
    }

    /** String by string, so that all the rest of it stays as it was written. */
    private function inJson(string $json): string
    {
        $replace = function (array $found): string {
            $content = json_decode($found[0]);
            if (!is_string($content) || !(preg_match(self::SERIALISED, $content) || $this->holdsPacked($content))) {
                return $this->inText($found[0]);
            }
            $flags = (str_contains($found[0], '\/') ? 0 : JSON_UNESCAPED_SLASHES)
                | (preg_match('/\\\\u[0-9a-f]/i', $found[0]) ? 0 : JSON_UNESCAPED_UNICODE);
            return json_encode($this->in($content), $flags | JSON_THROW_ON_ERROR);
        };
        $result = preg_replace_callback('~"[^"\\\\]*+(?:\\\\.[^"\\\\]*+)*+"~s', $replace, $json);
        return $result ?? throw new AegirProblem('A value could not be looked through: ' . preg_last_error_msg() . '.');
    }
}
