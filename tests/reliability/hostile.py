from reliability.rows import Row
ROWS: list[Row] = []
