s.stdin():to "lines"
