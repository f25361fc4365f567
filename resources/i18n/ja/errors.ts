<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ja">
<context>
    <name>Errors</name>
    <message>
        <source>There is no model called “{model}”</source>
        <translation>「{model}」というモデルはありません</translation>
    </message>
    <message>
        <source>The name matches no id, alias or file of the library.</source>
        <translation>ライブラリーの ID、別名、ファイルのどれとも一致しません。</translation>
    </message>
    <message>
        <source>Run `paddock models` for the list, or add a folder with `paddock adopt PATH`.</source>
        <translation>一覧は `paddock models` で確認できます。フォルダーは `paddock adopt PATH` で追加できます。</translation>
    </message>
    <message>
        <source>“{model}” can mean more than one model</source>
        <translation>「{model}」に当てはまるモデルが複数あります</translation>
    </message>
    <message>
        <source>It matches {matches}.</source>
        <translation>{matches} と一致します。</translation>
    </message>
    <message>
        <source>Use one of these ids.</source>
        <translation>この中の ID を指定してください。</translation>
    </message>
    <message>
        <source>{model} cannot be loaded</source>
        <translation>{model} を読み込めません</translation>
    </message>
    <message>
        <source>The file is damaged: {reason}</source>
        <translation>ファイルが壊れています: {reason}</translation>
    </message>
    <message>
        <source>Get the file again; nothing else is affected.</source>
        <translation>ファイルを取得し直してください。ほかには影響ありません。</translation>
    </message>
    <message>
        <source>{path} does not exist</source>
        <translation>{path} が見つかりません</translation>
    </message>
    <message>
        <source>There is no such file or folder.</source>
        <translation>そのファイルやフォルダーは存在しません。</translation>
    </message>
    <message>
        <source>Check the spelling, and that the disk it is on is connected.</source>
        <translation>名前の綴りと、ディスクが接続されているかを確認してください。</translation>
    </message>
    <message>
        <source>{path} cannot be read</source>
        <translation>{path} を読めません</translation>
    </message>
    <message>
        <source>{reason}</source>
        <translation>{reason}</translation>
    </message>
    <message>
        <source>Check the file's permissions and the disk.</source>
        <translation>ファイルのアクセス権とディスクを確認してください。</translation>
    </message>
    <message>
        <source>The file is empty</source>
        <translation>ファイルが空です</translation>
    </message>
    <message>
        <source>{path} has 0 bytes.</source>
        <translation>{path} は 0 バイトです。</translation>
    </message>
    <message>
        <source>The copy or download did not finish. Get the file again.</source>
        <translation>コピーやダウンロードが途中で終わっています。ファイルを取得し直してください。</translation>
    </message>
    <message>
        <source>That is not a GGUF file</source>
        <translation>GGUF ファイルではありません</translation>
    </message>
    <message>
        <source>{path} does not begin with the GGUF mark: {reason}</source>
        <translation>{path} は GGUF の印で始まっていません: {reason}</translation>
    </message>
    <message>
        <source>Choose a file in the GGUF format, or convert the checkpoint with `paddock convert`.</source>
        <translation>GGUF 形式のファイルを選ぶか、`paddock convert` でチェックポイントを変換してください。</translation>
    </message>
    <message>
        <source>This GGUF version cannot be read</source>
        <translation>このバージョンの GGUF は読めません</translation>
    </message>
    <message>
        <source>{path} is of version {version}; versions 2 and 3 are known.</source>
        <translation>{path} はバージョン {version} です。読めるのは 2 と 3 です。</translation>
    </message>
    <message>
        <source>Get a newer upload of the model.</source>
        <translation>新しくアップロードされたモデルを取得してください。</translation>
    </message>
    <message>
        <source>That file ends too early</source>
        <translation>ファイルが途中で終わっています</translation>
    </message>
    <message>
        <source>{path}: {have_bytes} of {need_bytes} bytes are there.</source>
        <translation>{path}: {need_bytes} バイトのうち {have_bytes} バイトしかありません。</translation>
    </message>
    <message>
        <source>The file's header makes no sense</source>
        <translation>ファイルのヘッダーが不正です</translation>
    </message>
    <message>
        <source>{path}: {reason}</source>
        <translation>{path}: {reason}</translation>
    </message>
    <message>
        <source>The file is damaged or was made to do harm. Do not load it; get it from a source you trust.</source>
        <translation>壊れているか、害を与えるために作られたファイルです。読み込まずに、信頼できる配布元から取得してください。</translation>
    </message>
    <message>
        <source>A part of the model is missing</source>
        <translation>モデルの一部が足りません</translation>
    </message>
    <message>
        <source>{path} is one of {count} parts, and {missing} is not beside it.</source>
        <translation>{path} は {count} 個に分かれたうちの 1 つで、{missing} が同じ場所にありません。</translation>
    </message>
    <message>
        <source>Put all parts into one folder.</source>
        <translation>すべての部分を 1 つのフォルダーに置いてください。</translation>
    </message>
    <message>
        <source>The file's header could not be read</source>
        <translation>ファイルのヘッダーを読めませんでした</translation>
    </message>
    <message>
        <source>{path}: the reader ended ({reason}).</source>
        <translation>{path}: 読み取りのプロセスが終了しました（{reason}）。</translation>
    </message>
    <message>
        <source>The file is most likely damaged. Get it again.</source>
        <translation>ファイルが壊れている可能性が高いです。取得し直してください。</translation>
    </message>
    <message>
        <source>The disk is full</source>
        <translation>ディスクがいっぱいです</translation>
    </message>
    <message>
        <source>Free some space and try again. What was stored before is unharmed.</source>
        <translation>空きを作ってからやり直してください。これまでに保存したものは無事です。</translation>
    </message>
    <message>
        <source>There is no engine called “{runtime}”</source>
        <translation>「{runtime}」というエンジンはありません</translation>
    </message>
    <message>
        <source>Run `paddock engine list` to see which there are.</source>
        <translation>`paddock engine list` で一覧を確認してください。</translation>
    </message>
    <message>
        <source>{path} is not a working engine</source>
        <translation>{path} はエンジンとして使えません</translation>
    </message>
    <message>
        <source>Name a folder that holds llama-server and its tools, built for this system.</source>
        <translation>このシステム向けにビルドした llama-server とそのツールが入ったフォルダーを指定してください。</translation>
    </message>
    <message>
        <source>An engine called “{runtime}” is there already</source>
        <translation>「{runtime}」というエンジンはすでにあります</translation>
    </message>
    <message>
        <source>Names of engines are used once.</source>
        <translation>エンジンの名前は重複できません。</translation>
    </message>
    <message>
        <source>Choose another name, or remove it with `paddock engine remove {runtime}`.</source>
        <translation>別の名前にするか、`paddock engine remove {runtime}` で削除してください。</translation>
    </message>
    <message>
        <source>The engine “{runtime}” cannot be removed</source>
        <translation>エンジン「{runtime}」は削除できません</translation>
    </message>
    <message>
        <source>Choose another engine first with `paddock engine use`.</source>
        <translation>先に `paddock engine use` で別のエンジンを選んでください。</translation>
    </message>
    <message>
        <source>The engine could not be built</source>
        <translation>エンジンをビルドできませんでした</translation>
    </message>
    <message>
        <source>Read the build log at {log}.</source>
        <translation>ビルドのログ {log} を確認してください。</translation>
    </message>
    <message>
        <source>{tool} failed</source>
        <translation>{tool} が失敗しました</translation>
    </message>
    <message>
        <source>See `paddock logs` for its last lines.</source>
        <translation>最後の出力は `paddock logs` で確認できます。</translation>
    </message>
    <message>
        <source>{model} did not fit in memory</source>
        <translation>{model} がメモリに入りきりませんでした</translation>
    </message>
    <message>
        <source>Use a smaller context (--ctx), fewer slots (--parallel 1), a smaller KV cache (--kv q8_0) or a smaller quant.</source>
        <translation>コンテキストを小さくする（--ctx）、スロットを減らす（--parallel 1）、KV キャッシュを小さくする（--kv q8_0）、またはより小さい量子化を使ってください。</translation>
    </message>
    <message>
        <source>This engine does not know the model's architecture</source>
        <translation>このエンジンはモデルのアーキテクチャーに対応していません</translation>
    </message>
    <message>
        <source>Get a newer engine (`paddock engine build`), or another model.</source>
        <translation>新しいエンジンを用意する（`paddock engine build`）か、別のモデルを使ってください。</translation>
    </message>
    <message>
        <source>The engine could not read the model file</source>
        <translation>エンジンがモデルのファイルを読めませんでした</translation>
    </message>
    <message>
        <source>The engine refused one of its settings</source>
        <translation>エンジンが設定の 1 つを受け付けませんでした</translation>
    </message>
    <message>
        <source>Change the setting, or use an engine that knows it (`paddock engine list`).</source>
        <translation>設定を変えるか、その設定に対応したエンジンを使ってください（`paddock engine list`）。</translation>
    </message>
    <message>
        <source>The engine found no free port</source>
        <translation>エンジンが使える空きポートがありませんでした</translation>
    </message>
    <message>
        <source>Try again; if it happens again, see which program takes the ports of 127.0.0.1.</source>
        <translation>もう一度試してください。繰り返す場合は、127.0.0.1 のポートをどのプログラムが使っているか確認してください。</translation>
    </message>
    <message>
        <source>The engine cannot start on this system</source>
        <translation>このシステムではエンジンを起動できません</translation>
    </message>
    <message>
        <source>Install the missing library or driver, or choose another engine (`paddock engine list`).</source>
        <translation>足りないライブラリーやドライバーをインストールするか、別のエンジンを選んでください（`paddock engine list`）。</translation>
    </message>
    <message>
        <source>The engine was stopped from outside</source>
        <translation>エンジンが外部から停止されました</translation>
    </message>
    <message>
        <source>If you did not do it, the system may have run out of memory: see `paddock doctor`.</source>
        <translation>心当たりがなければ、システムのメモリが足りなくなった可能性があります。`paddock doctor` で確認してください。</translation>
    </message>
    <message>
        <source>The engine ended unexpectedly</source>
        <translation>エンジンが予期せず終了しました</translation>
    </message>
    <message>
        <source>Try again; `paddock logs {model}` shows its last lines.</source>
        <translation>もう一度試してください。最後の出力は `paddock logs {model}` で確認できます。</translation>
    </message>
    <message>
        <source>Loading {model} stands still</source>
        <translation>{model} の読み込みが止まっています</translation>
    </message>
    <message>
        <source>The engine has shown no progress for {seconds} seconds.</source>
        <translation>{seconds} 秒のあいだ、エンジンに進みがありません。</translation>
    </message>
    <message>
        <source>Check the disk the model is on; `paddock logs {model}` shows the engine's last lines.</source>
        <translation>モデルのあるディスクを確認してください。エンジンの最後の出力は `paddock logs {model}` で確認できます。</translation>
    </message>
    <message>
        <source>{model} does not fit in memory</source>
        <translation>{model} はメモリに入りません</translation>
    </message>
    <message>
        <source>this machine's memory</source>
        <translation>このマシンのメモリ</translation>
    </message>
    <message>
        <source>the limit load.memory_limit_gib in the settings</source>
        <translation>設定の上限 load.memory_limit_gib</translation>
    </message>
    <message>
        <source>It needs {need}; {available} can be used ({device}).</source>
        <translation>{need} が必要ですが、使えるのは {available} です（{device}）。</translation>
    </message>
    <message>
        <source>Use a smaller context (--ctx), one slot (--parallel 1), a smaller KV cache (--kv q8_0) or a smaller quant; --force tries all the same.</source>
        <translation>コンテキストを小さくする（--ctx）、スロットを 1 つにする（--parallel 1）、KV キャッシュを小さくする（--kv q8_0）、またはより小さい量子化を使ってください。--force を付ければ、それでも試せます。</translation>
    </message>
    <message>
        <source>{path} does not go with {model}</source>
        <translation>{path} は {model} には使えません</translation>
    </message>
    <message>
        <source>Choose a file that was made for this model, or load the model without it.</source>
        <translation>このモデル用に作られたファイルを選ぶか、それを使わずにモデルを読み込んでください。</translation>
    </message>
    <message>
        <source>{model} failed to load a moment ago</source>
        <translation>{model} は先ほど読み込みに失敗しました</translation>
    </message>
    <message>
        <source>It can be tried again in {seconds} seconds.</source>
        <translation>{seconds} 秒後にもう一度試せます。</translation>
    </message>
    <message>
        <source>Loading {model} was stopped</source>
        <translation>{model} の読み込みを中止しました</translation>
    </message>
    <message>
        <source>It was unloaded before it was ready.</source>
        <translation>準備ができる前にメモリから外されました。</translation>
    </message>
    <message>
        <source>Load it again when you need it.</source>
        <translation>必要になったら、もう一度読み込んでください。</translation>
    </message>
    <message>
        <source>Paddock's service is not running</source>
        <translation>Paddock のサービスが動いていません</translation>
    </message>
    <message>
        <source>No service answers for {data_dir}.</source>
        <translation>{data_dir} のサービスから応答がありません。</translation>
    </message>
    <message>
        <source>Start it with `paddock serve`.</source>
        <translation>`paddock serve` で起動してください。</translation>
    </message>
    <message>
        <source>Paddock's service did not start</source>
        <translation>Paddock のサービスが起動しませんでした</translation>
    </message>
    <message>
        <source>See its log at {log}.</source>
        <translation>ログ {log} を確認してください。</translation>
    </message>
    <message>
        <source>Paddock's service does not answer</source>
        <translation>Paddock のサービスが応答しません</translation>
    </message>
    <message>
        <source>Stop it with `paddock stop` and start it again; see `paddock logs`.</source>
        <translation>`paddock stop` で止めてから起動し直してください。詳しくは `paddock logs` で確認できます。</translation>
    </message>
    <message>
        <source>A service is running already</source>
        <translation>サービスはすでに動いています</translation>
    </message>
    <message>
        <source>Process {pid} on this machine uses {data_dir}.</source>
        <translation>このマシンのプロセス {pid} が {data_dir} を使っています。</translation>
    </message>
    <message>
        <source>Use it, or stop it with `paddock stop`.</source>
        <translation>それを使うか、`paddock stop` で止めてください。</translation>
    </message>
    <message>
        <source>Another machine is using this data folder</source>
        <translation>別のマシンがこのデータフォルダーを使っています</translation>
    </message>
    <message>
        <source>Process {pid} on {host} uses {data_dir}, last seen {age_seconds} seconds ago.</source>
        <translation>{host} のプロセス {pid} が {data_dir} を使っています（最後の確認は {age_seconds} 秒前）。</translation>
    </message>
    <message>
        <source>Stop Paddock there, or give this machine its own folder with PADDOCK_HOME.</source>
        <translation>そのマシンの Paddock を止めるか、PADDOCK_HOME でこのマシン専用のフォルダーを指定してください。</translation>
    </message>
    <message>
        <source>The running service is of an older version</source>
        <translation>動いているサービスのバージョンが古いです</translation>
    </message>
    <message>
        <source>The running service is of a newer Paddock</source>
        <translation>動いているサービスは、より新しい Paddock のものです</translation>
    </message>
    <message>
        <source>Use the newer Paddock, or end its service with `paddock stop` first.</source>
        <translation>新しい Paddock を使うか、先に `paddock stop` でそのサービスを終了してください。</translation>
    </message>
    <message>
        <source>It is version {service}; this program is version {client}.</source>
        <translation>サービスはバージョン {service}、このプログラムは {client} です。</translation>
    </message>
    <message>
        <source>Restart the service: `paddock stop`, then try again.</source>
        <translation>サービスを起動し直してください。`paddock stop` のあと、もう一度試してください。</translation>
    </message>
    <message>
        <source>The service is stopping</source>
        <translation>サービスは終了するところです</translation>
    </message>
    <message>
        <source>It takes no new work.</source>
        <translation>新しい処理は受け付けていません。</translation>
    </message>
    <message>
        <source>Try again in a moment.</source>
        <translation>少し待ってから、もう一度試してください。</translation>
    </message>
    <message>
        <source>Port {port} on {host} is taken</source>
        <translation>{host} のポート {port} は使用中です</translation>
    </message>
    <message>
        <source>{holder}</source>
        <translation>{holder}</translation>
    </message>
    <message>
        <source>Port {port} on {host}, for Ollama's clients, is taken</source>
        <translation>Ollama のクライアント用のポート {port}（{host}）は使用中です</translation>
    </message>
    <message>
        <source>Stop that program (it may be Ollama itself), or put another port into the setting server.ollama_port.</source>
        <translation>そのプログラム（Ollama 自体かもしれません）を停止するか、設定 server.ollama_port で別のポートを指定してください。</translation>
    </message>
    <message>
        <source>Stop that program, or choose another port with --port.</source>
        <translation>そのプログラムを止めるか、--port で別のポートを選んでください。</translation>
    </message>
    <message>
        <source>An address other than this machine's own needs a key</source>
        <translation>このマシン以外からも届くアドレスには、キーが必要です</translation>
    </message>
    <message>
        <source>Listening on {host} would let other machines use your models.</source>
        <translation>{host} で待ち受けると、ほかのマシンからもモデルを使えるようになります。</translation>
    </message>
    <message>
        <source>Make a key first with `paddock keys create NAME`.</source>
        <translation>先に `paddock keys create 名前` でキーを作ってください。</translation>
    </message>
    <message>
        <source>“{host}” is not an address to listen on</source>
        <translation>「{host}」は待ち受けに使えるアドレスではありません</translation>
    </message>
    <message>
        <source>Use 127.0.0.1 for this machine only, or an address of one of its network cards.</source>
        <translation>このマシンだけで使うなら 127.0.0.1、そうでなければネットワークカードのアドレスを指定してください。</translation>
    </message>
    <message>
        <source>Too many requests are waiting</source>
        <translation>待っているリクエストが多すぎます</translation>
    </message>
    <message>
        <source>{waiting} requests wait already.</source>
        <translation>すでに {waiting} 件が待っています。</translation>
    </message>
    <message>
        <source>Try again in {seconds} seconds.</source>
        <translation>{seconds} 秒後にもう一度試してください。</translation>
    </message>
    <message>
        <source>The key is missing or wrong</source>
        <translation>キーがないか、正しくありません</translation>
    </message>
    <message>
        <source>Send a valid key as `Authorization: Bearer …`; make one with `paddock keys create NAME`.</source>
        <translation>有効なキーを `Authorization: Bearer …` として送ってください。キーは `paddock keys create 名前` で作れます。</translation>
    </message>
    <message>
        <source>The database is of a newer Paddock</source>
        <translation>データベースは新しい Paddock のものです</translation>
    </message>
    <message>
        <source>{path} has schema {found}; this version knows {known}.</source>
        <translation>{path} のスキーマは {found} です。このバージョンが扱えるのは {known} までです。</translation>
    </message>
    <message>
        <source>Install the newer Paddock. The file was not touched.</source>
        <translation>新しい Paddock をインストールしてください。ファイルには手を加えていません。</translation>
    </message>
    <message>
        <source>The database cannot be used</source>
        <translation>データベースを使えません</translation>
    </message>
    <message>
        <source>Check the disk and that no other program holds {path}.</source>
        <translation>ディスクと、ほかのプログラムが {path} を使っていないかを確認してください。</translation>
    </message>
    <message>
        <source>{name} cannot be {value}</source>
        <translation>{name} を {value} にはできません</translation>
    </message>
    <message>
        <source>Choose a value in the range given.</source>
        <translation>示された範囲の値を選んでください。</translation>
    </message>
    <message>
        <source>The settings are of a newer Paddock</source>
        <translation>設定は新しい Paddock のものです</translation>
    </message>
    <message>
        <source>{path} has version {found}; this version knows {known}.</source>
        <translation>{path} はバージョン {found} です。このバージョンが扱えるのは {known} までです。</translation>
    </message>
    <message>
        <source>There is no secret called “{name}”</source>
        <translation>「{name}」という秘密の値はありません</translation>
    </message>
    <message>
        <source>Known names are {known}.</source>
        <translation>使える名前は {known} です。</translation>
    </message>
    <message>
        <source>Check the spelling.</source>
        <translation>綴りを確認してください。</translation>
    </message>
    <message>
        <source>There is no job {job}</source>
        <translation>ジョブ {job} はありません</translation>
    </message>
    <message>
        <source>It may have been removed.</source>
        <translation>削除された可能性があります。</translation>
    </message>
    <message>
        <source>Run `paddock status` for the list.</source>
        <translation>`paddock status` で一覧を確認してください。</translation>
    </message>
    <message>
        <source>There is no kind of job called “{kind}”</source>
        <translation>「{kind}」という種類のジョブはありません</translation>
    </message>
    <message>
        <source>Known kinds are {known}.</source>
        <translation>使える種類は {known} です。</translation>
    </message>
    <message>
        <source>Check the spelling, and that service and program are of the same version.</source>
        <translation>綴りと、サービスとプログラムのバージョンが同じかを確認してください。</translation>
    </message>
    <message>
        <source>Job {job} has ended already</source>
        <translation>ジョブ {job} はすでに終わっています</translation>
    </message>
    <message>
        <source>Its state is {state}.</source>
        <translation>状態は {state} です。</translation>
    </message>
    <message>
        <source>Start a new one.</source>
        <translation>新しいジョブを始めてください。</translation>
    </message>
    <message>
        <source>There is no result {result}</source>
        <translation>結果 {result} はありません</translation>
    </message>
    <message>
        <source>The number or name matches nothing that is stored.</source>
        <translation>保存されている番号や名前のどれとも一致しません。</translation>
    </message>
    <message>
        <source>Run `paddock results list`.</source>
        <translation>`paddock results list` で一覧を確認してください。</translation>
    </message>
    <message>
        <source>{path} is quantized already</source>
        <translation>{path} はすでに量子化されています</translation>
    </message>
    <message>
        <source>What its weights lost then stays lost, and more is lost now.</source>
        <translation>そのとき重みから失われたものは戻らず、さらに失われます。</translation>
    </message>
    <message>
        <source>Use the model's F16 or BF16 file; or give --requantize if there is no other.</source>
        <translation>モデルの F16 または BF16 のファイルを使ってください。ほかにない場合は --requantize を付けてください。</translation>
    </message>
    <message>
        <source>{types} cannot be made without an importance matrix</source>
        <translation>{types} は重要度行列なしでは作れません</translation>
    </message>
    <message>
        <source>With so few bits the engine must know which weights matter.</source>
        <translation>これほど少ないビット数では、どの重みが重要かをエンジンが知る必要があります。</translation>
    </message>
    <message>
        <source>Give a text to compute one from, or a matrix, with --imatrix.</source>
        <translation>行列を計算するためのテキストか、行列そのものを --imatrix で指定してください。</translation>
    </message>
    <message>
        <source>{path} is too short</source>
        <translation>{path} は短すぎます</translation>
    </message>
    <message>
        <source>Use a text of at least some pages: a book's chapter, documents, code.</source>
        <translation>数ページ以上のテキスト（本の 1 章、文書、コードなど）を使ってください。</translation>
    </message>
    <message>
        <source>The conversion toolkit could not be installed</source>
        <translation>変換ツールキットをインストールできませんでした</translation>
    </message>
    <message>
        <source>Check the network and the settings of your package index, then try again; what has come is kept.</source>
        <translation>ネットワークとパッケージインデックスの設定を確認して、もう一度試してください。取得済みのものは残っています。</translation>
    </message>
    <message>
        <source>{path} cannot be converted</source>
        <translation>{path} は変換できません</translation>
    </message>
    <message>
        <source>Get it again, or choose the folder with config.json and the *.safetensors files.</source>
        <translation>取得し直すか、config.json と *.safetensors ファイルがあるフォルダーを選んでください。</translation>
    </message>
    <message>
        <source>{count} of the weights' files are missing in {path}</source>
        <translation>{path} に重みのファイルが {count} 個足りません</translation>
    </message>
    <message>
        <source>{files}</source>
        <translation>{files}</translation>
    </message>
    <message>
        <source>Get the missing files; all of them must lie in one folder.</source>
        <translation>足りないファイルを取得してください。すべて同じフォルダーに置く必要があります。</translation>
    </message>
    <message>
        <source>{path} has its weights in pickles ({file})</source>
        <translation>{path} の重みは pickle 形式です（{file}）</translation>
    </message>
    <message>
        <source>A pickle may run code of whoever made it when it is read.</source>
        <translation>pickle は、読み込むだけで作成者のコードが実行されることがあります。</translation>
    </message>
    <message>
        <source>Look for the same model with *.safetensors files; if there is none and you trust its maker, give --allow-pickle.</source>
        <translation>*.safetensors ファイルの同じモデルを探してください。ほかになく、作成者を信頼する場合は --allow-pickle を付けてください。</translation>
    </message>
    <message>
        <source>“{architecture}” cannot be converted</source>
        <translation>「{architecture}」は変換できません</translation>
    </message>
    <message>
        <source>Look for a GGUF file of the model, or wait for a version of Paddock with a newer engine.</source>
        <translation>このモデルの GGUF ファイルを探すか、新しいエンジンを備えた Paddock を待ってください。</translation>
    </message>
    <message>
        <source>The tokenizer of {path} is not known to the converter</source>
        <translation>{path} のトークナイザーは変換ツールに登録されていません</translation>
    </message>
    <message>
        <source>{path} exists already</source>
        <translation>{path} はすでにあります</translation>
    </message>
    <message>
        <source>It is not replaced unasked.</source>
        <translation>求められないかぎり置き換えません。</translation>
    </message>
    <message>
        <source>Choose another folder or name, or give --replace.</source>
        <translation>別のフォルダーか名前を選ぶか、--replace を付けてください。</translation>
    </message>
    <message>
        <source>{path} holds no benchmark results</source>
        <translation>{path} にはベンチマークの結果が入っていません</translation>
    </message>
    <message>
        <source>Use a file made by `paddock results export`.</source>
        <translation>`paddock results export` で作ったファイルを使ってください。</translation>
    </message>
    <message>
        <source>There is no key called “{name}”</source>
        <translation>「{name}」というキーはありません</translation>
    </message>
    <message>
        <source>It may have been revoked.</source>
        <translation>取り消された可能性があります。</translation>
    </message>
    <message>
        <source>Run `paddock keys list`.</source>
        <translation>`paddock keys list` で一覧を確認してください。</translation>
    </message>
    <message>
        <source>A key called “{name}” is there already</source>
        <translation>「{name}」というキーはすでにあります</translation>
    </message>
    <message>
        <source>Names of keys are used once.</source>
        <translation>キーの名前は重複できません。</translation>
    </message>
    <message>
        <source>Choose another name, or revoke it with `paddock keys revoke {name}`.</source>
        <translation>別の名前にするか、`paddock keys revoke {name}` で取り消してください。</translation>
    </message>
    <message>
        <source>There is no conversation {conversation}</source>
        <translation>会話 {conversation} はありません</translation>
    </message>
    <message>
        <source>It may have been deleted.</source>
        <translation>削除された可能性があります。</translation>
    </message>
    <message>
        <source>Choose another one, or begin a new one.</source>
        <translation>別の会話を選ぶか、新しく始めてください。</translation>
    </message>
    <message>
        <source>There is no message {message}</source>
        <translation>メッセージ {message} はありません</translation>
    </message>
    <message>
        <source>Its conversation may have been deleted.</source>
        <translation>会話ごと削除された可能性があります。</translation>
    </message>
    <message>
        <source>Open the conversation again.</source>
        <translation>会話を開き直してください。</translation>
    </message>
    <message>
        <source>The conversation is longer than the model's context</source>
        <translation>会話がモデルのコンテキストより長くなりました</translation>
    </message>
    <message>
        <source>It has {prompt_tokens} tokens; the model was loaded for {context_tokens}.</source>
        <translation>会話は {prompt_tokens} トークン、モデルは {context_tokens} トークンで読み込まれています。</translation>
    </message>
    <message>
        <source>Load the model with a larger context (--ctx), shorten the message, or begin a new conversation.</source>
        <translation>コンテキストを大きくして読み込み直す（--ctx）か、メッセージを短くするか、新しい会話を始めてください。</translation>
    </message>
    <message>
        <source>Stopped</source>
        <translation>停止しました</translation>
    </message>
    <message>
        <source>You stopped it.</source>
        <translation>ご自身で停止しました。</translation>
    </message>
    <message>
        <source>Start it again when you like.</source>
        <translation>必要なときに、もう一度始めてください。</translation>
    </message>
    <message>
        <source>{what} took too long</source>
        <translation>{what} に時間がかかりすぎました</translation>
    </message>
    <message>
        <source>It was given up after {seconds} seconds.</source>
        <translation>{seconds} 秒で打ち切りました。</translation>
    </message>
    <message>
        <source>Try again; if it happens again, see `paddock doctor`.</source>
        <translation>もう一度試してください。繰り返す場合は `paddock doctor` で確認してください。</translation>
    </message>
    <message>
        <source>The request cannot be used</source>
        <translation>このリクエストは処理できません</translation>
    </message>
    <message>
        <source>Correct it and send it again.</source>
        <translation>直してから送り直してください。</translation>
    </message>
    <message>
        <source>{what} could not be read</source>
        <translation>{what} を調べられませんでした</translation>
    </message>
    <message>
        <source>The rest works without it.</source>
        <translation>ほかの機能はそのまま使えます。</translation>
    </message>
    <message>
        <source>The engine broke off</source>
        <translation>エンジンが途中で止まりました</translation>
    </message>
    <message>
        <source>Send the request again; the model is loaded anew.</source>
        <translation>もう一度送ってください。モデルは読み込み直されます。</translation>
    </message>
    <message>
        <source>Something went wrong inside Paddock</source>
        <translation>Paddock の内部で問題が起きました</translation>
    </message>
    <message>
        <source>Please report it with the lines of `paddock logs`.</source>
        <translation>`paddock logs` の内容を添えてお知らせください。</translation>
    </message>
    <message>
        <source>The model uses a quant type that cannot be read here</source>
        <translation>このモデルの量子化形式はここでは読み込めません</translation>
    </message>
    <message>
        <source>Get another quant of the model; a newer Paddock and engine may know this one.</source>
        <translation>別の量子化のモデルを入手してください。新しい Paddock とエンジンなら対応しているかもしれません。</translation>
    </message>
    <message>
        <source>{url} cannot be reached</source>
        <translation>{url} に接続できません</translation>
    </message>
    <message>
        <source>Check the address and the network. Behind a proxy set HTTPS_PROXY; for certificates of your own set SSL_CERT_FILE.</source>
        <translation>アドレスとネットワークを確認してください。プロキシがある場合は HTTPS_PROXY、独自の証明書を使う場合は SSL_CERT_FILE を設定してください。</translation>
    </message>
    <message>
        <source>{url} may not be read</source>
        <translation>{url} を読む権限がありません</translation>
    </message>
    <message>
        <source>The server answered {status}: {reason}</source>
        <translation>サーバーの応答は {status} でした: {reason}</translation>
    </message>
    <message>
        <source>Accept the model's terms on its page if it has any, and give a token of yours with `paddock hub-token` or in HF_TOKEN.</source>
        <translation>モデルのページに利用規約があれば同意し、`paddock hub-token` か HF_TOKEN でご自身のトークンを設定してください。</translation>
    </message>
    <message>
        <source>{url} was not found</source>
        <translation>{url} が見つかりません</translation>
    </message>
    <message>
        <source>The server answered {status}.</source>
        <translation>サーバーの応答は {status} でした。</translation>
    </message>
    <message>
        <source>Check the spelling. Without a token (`paddock hub-token`, HF_TOKEN) a private repository looks like this, too.</source>
        <translation>つづりを確認してください。トークン（`paddock hub-token`、HF_TOKEN）がないと、非公開のリポジトリもこのように見えます。</translation>
    </message>
    <message>
        <source>{url} was asked too often</source>
        <translation>{url} へのリクエストが多すぎます</translation>
    </message>
    <message>
        <source>The server answered 429 and wants a pause of {seconds} seconds.</source>
        <translation>サーバーの応答は 429 で、{seconds} 秒の待機を求めています。</translation>
    </message>
    <message>
        <source>Try again then. With a token (`paddock hub-token`, HF_TOKEN) the limits are higher.</source>
        <translation>その後にもう一度お試しください。トークン（`paddock hub-token`、HF_TOKEN）を設定すると上限が上がります。</translation>
    </message>
    <message>
        <source>{url} cannot be used</source>
        <translation>{url} を利用できません</translation>
    </message>
    <message>
        <source>Try again later; if it stays so, get the file from another place.</source>
        <translation>しばらくしてからもう一度お試しください。続く場合は別の場所から入手してください。</translation>
    </message>
    <message>
        <source>{url} changed while it was read</source>
        <translation>{url} は読み込み中に変更されました</translation>
    </message>
    <message>
        <source>It was begun anew once, and changed again: {reason}</source>
        <translation>一度最初からやり直しましたが、また変更されました: {reason}</translation>
    </message>
    <message>
        <source>Try again when its upload has ended.</source>
        <translation>アップロードが終わってからもう一度お試しください。</translation>
    </message>
    <message>
        <source>{repo} holds no GGUF model</source>
        <translation>{repo} に GGUF モデルはありません</translation>
    </message>
    <message>
        <source>Look for a GGUF repository of the model, or convert it with `paddock convert`.</source>
        <translation>そのモデルの GGUF リポジトリを探すか、`paddock convert` で変換してください。</translation>
    </message>
    <message>
        <source>No model of {repo} fits this machine</source>
        <translation>{repo} には、このマシンに収まるモデルがありません</translation>
    </message>
    <message>
        <source>None of its quants is small enough.</source>
        <translation>どの量子化も大きすぎます。</translation>
    </message>
    <message>
        <source>Run `paddock recommend` for models that fit.</source>
        <translation>収まるモデルは `paddock recommend` でわかります。</translation>
    </message>
    <message>
        <source>{repo} has no quant called “{quant}”</source>
        <translation>{repo} に量子化「{quant}」はありません</translation>
    </message>
    <message>
        <source>It has {known}.</source>
        <translation>あるのは {known} です。</translation>
    </message>
    <message>
        <source>Name one of these behind the colon.</source>
        <translation>コロンの後にこのいずれかを指定してください。</translation>
    </message>
    <message>
        <source>The hub is not asked</source>
        <translation>ハブには問い合わせません</translation>
    </message>
    <message>
        <source>HF_HUB_OFFLINE is set, so nothing is read from {url}.</source>
        <translation>HF_HUB_OFFLINE が設定されているため、{url} からは何も読み込みません。</translation>
    </message>
    <message>
        <source>Unset it to search the hub and to download. The models that are here work without it.</source>
        <translation>ハブの検索やダウンロードを行うには、この設定を外してください。手元のモデルはそのまま使えます。</translation>
    </message>
    <message>
        <source>There is no repository {repo}</source>
        <translation>{repo} というリポジトリはありません</translation>
    </message>
    <message>
        <source>The hub does not know it, or does not show it: without a token private ones look like this, too.</source>
        <translation>ハブに存在しないか、表示されません。トークンがないと、非公開のリポジトリもこのように見えます。</translation>
    </message>
    <message>
        <source>Did you mean {suggestions}?</source>
        <translation>もしかして: {suggestions}</translation>
    </message>
    <message>
        <source>“{name}” is no name for a file here</source>
        <translation>「{name}」はファイル名として使えません</translation>
    </message>
    <message>
        <source>Nothing was fetched. The repository is broken or was made to do harm: get the model from another one.</source>
        <translation>何も取得していません。リポジトリーが壊れているか、悪意をもって作られています。別のリポジトリーからモデルを入手してください。</translation>
    </message>
    <message>
        <source>{path} leads out of the models folder</source>
        <translation>{path} はモデルフォルダーの外を指しています</translation>
    </message>
    <message>
        <source>It is a link to {target}, and downloads stay inside of the folder they are meant for.</source>
        <translation>{target} へのリンクですが、ダウンロードは指定されたフォルダーの中にしか書き込みません。</translation>
    </message>
    <message>
        <source>Replace the link by a folder, or move the whole models folder to where there is room.</source>
        <translation>リンクを通常のフォルダーに置き換えるか、モデルフォルダー全体を空きのある場所に移してください。</translation>
    </message>
    <message>
        <source>{path} cannot be written</source>
        <translation>{path} に書き込めません</translation>
    </message>
    <message>
        <source>Check the permissions of the models folder and the disk, or choose another models folder. What was fetched is kept.</source>
        <translation>モデルフォルダーのアクセス権とディスクを確認するか、別のモデルフォルダーを選んでください。取得済みのデータは残っています。</translation>
    </message>
    <message>
        <source>Another program is fetching this file and does not get on with it</source>
        <translation>別のプログラムがこのファイルを取得中で、先に進んでいません</translation>
    </message>
    <message>
        <source>It holds the file's lock in {path}, and nothing has come for a while.</source>
        <translation>{path} にあるファイルのロックを保持したまま、しばらく何も届いていません。</translation>
    </message>
    <message>
        <source>End the other program, then try again: what it has fetched is used.</source>
        <translation>そのプログラムを終了してからもう一度お試しください。取得済みのデータは引き継がれます。</translation>
    </message>
    <message>
        <source>The hub is wrong about the size of {path}</source>
        <translation>{path} のサイズがハブの情報と合いません</translation>
    </message>
    <message>
        <source>It says {claimed_bytes} bytes, and the server sends {sent_bytes}.</source>
        <translation>ハブでは {claimed_bytes} バイトですが、サーバーが送るのは {sent_bytes} バイトです。</translation>
    </message>
    <message>
        <source>Try again later, or get the model from another repository.</source>
        <translation>時間をおいてもう一度試すか、別のリポジトリーからモデルを入手してください。</translation>
    </message>
    <message>
        <source>{path} arrives damaged</source>
        <translation>{path} が壊れた状態で届きます</translation>
    </message>
    <message>
        <source>It was fetched twice, and its hash was {found} instead of {expected}.</source>
        <translation>2 回取得しましたが、ハッシュが {expected} ではなく {found} でした。</translation>
    </message>
    <message>
        <source>A proxy or virus scanner on the way may change files, or the disk or memory of this computer fails. Try another network; if it stays so, get the model from another repository. The other files are kept.</source>
        <translation>途中のプロキシやウイルス対策ソフトがファイルを変えているか、このコンピューターのディスクやメモリーに不具合がある可能性があります。別のネットワークで試し、それでも同じなら別のリポジトリーからモデルを入手してください。ほかのファイルは残っています。</translation>
    </message>
    <message>
        <source>The folder cannot hold a file with holes</source>
        <translation>このフォルダーにはスパースファイルを置けません</translation>
    </message>
    <message>
        <source>Use a folder on NTFS, APFS, ext4 or another file system with sparse files (PADDOCK_HOME moves Paddock's own). FAT and exFAT have none.</source>
        <translation>NTFS、APFS、ext4 などスパースファイルに対応したファイルシステムのフォルダーを使ってください（Paddock のフォルダーは PADDOCK_HOME で移せます）。FAT と exFAT は対応していません。</translation>
    </message>
    <message>
        <source>“{text}” describes no machine</source>
        <translation>「{text}」はマシンの指定として読めません</translation>
    </message>
    <message>
        <source>Write it like ram=32,vram=24 or ram=32,gpu=RTX_4090; sizes are in GiB.</source>
        <translation>ram=32,vram=24 や ram=32,gpu=RTX_4090 のように書いてください。単位は GiB です。</translation>
    </message>
    <message>
        <source>There is no known GPU called “{gpu}”</source>
        <translation>「{gpu}」という GPU は表にありません</translation>
    </message>
    <message>
        <source>Use one of the names in the table, or say how much memory it has with vram=… alone.</source>
        <translation>表にある名前を使うか、vram=… だけでメモリ量を指定してください。</translation>
    </message>
</context>
</TS>
