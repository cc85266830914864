package store_test
import ("testing";"fmt";"os";"database/sql")
func TestDbg(t *testing.T){
 db,_:=sql.Open("sqlite",os.Getenv("PARLEY_KEEP")+"/parley.db")
 db.SetMaxOpenConns(1)
 if _,err:=db.Exec(`create virtual table temp.v using fts5vocab(main,search,instance)`);err!=nil{t.Fatal(err)}
 rows,err:=db.Query(`select term,doc,col,offset from temp.v where term=?`,os.Getenv("W"))
 if err!=nil{t.Fatal(err)}
 for rows.Next(){var a,c string;var b,d int;rows.Scan(&a,&b,&c,&d);fmt.Println(a,b,c,d)
   var x int; var txt,more string
   db2,_:=sql.Open("sqlite",os.Getenv("PARLEY_KEEP")+"/parley.db")
   db2.QueryRow(`select id,text,coalesce(more,'') from messages where id=?`,b).Scan(&x,&txt,&more); fmt.Printf("%d %.300q %.300q\n",x,txt,more)
 }
 rows,_=db.Query(`select segid,count(*),min(pgno>>1),max(pgno>>1) from search_idx group by segid`)
 for rows.Next(){var a,b,c,d int;rows.Scan(&a,&b,&c,&d);fmt.Println("seg",a,b,c,d)}
}
