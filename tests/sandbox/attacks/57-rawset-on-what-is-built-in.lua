-- attack: rawset on what is built in
-- expect: built-in
rawset(string, 'rep', print)
