module images

go 1.24.0
