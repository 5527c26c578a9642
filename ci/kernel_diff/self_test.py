def run(folder, live): return 0
