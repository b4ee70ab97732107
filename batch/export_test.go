package batch

// Collect is collect, with the paths alone.
func Collect(paths []string) (files []string, refusals []Finding, ignored int, err error) {
	c, err := collect(paths)
	if err != nil {
		return nil, nil, 0, err
	}
	for _, f := range c.files {
		files = append(files, f.path)
	}
	return files, c.refusals, len(c.others), nil
}
